"""Every finding that the software can report, by its code: how grave it is, what it means, how it is worded."""

from enum import StrEnum


class Severity(StrEnum):
    """How grave a finding is.

    NOTE : what was decided or assumed; nothing needs to be done
    CHECK : the user should look at it; the numbers may be right
    UNRELIABLE : the numbers that depend on it should not be relied on before it is mended
    """

    NOTE = "note"
    CHECK = "check"
    UNRELIABLE = "unreliable"


class FlagCode(StrEnum):
    """What is found. Values are written to files and scenes and never renamed.

    Each code has its severity, one line of meaning, and the template from which `make_flag` makes the text.
    """

    severity: Severity
    meaning: str
    template: str

    def __new__(cls, value: str, severity: Severity, meaning: str, template: str) -> "FlagCode":
        """A code with what belongs to it."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.severity, code.meaning, code.template = severity, meaning, template
        return code

    # Slices: what the networks found and how sure they are
    PEAK_FRAME_UNCERTAIN = (
        "peak_frame_uncertain",
        Severity.CHECK,
        "the network is unsure of the frame of peak enhancement",
        "The frame of peak enhancement is uncertain (confidence {confidence:.2f}): please check.",
    )
    BOX_UNCERTAIN = (
        "box_uncertain",
        Severity.CHECK,
        "the network is unsure of the box of the left ventricle",
        "The position of the left ventricle is uncertain (confidence {confidence:.2f}): please check.",
    )
    CONTOURS_UNCERTAIN = (
        "contours_uncertain",
        Severity.CHECK,
        "the network is unsure of the contours",
        "The contours are uncertain (confidence {confidence:.2f}): please check.",
    )
    CAVITY_UNCERTAIN = (
        "cavity_uncertain",
        Severity.CHECK,
        "the network is unsure of the endocardial contour",
        "The endocardial contour is uncertain (expected overlap of the cavity {expected_dice:.2f}): please check.",
    )
    LUMEN_OUTSIDE_CAVITY = (
        "lumen_outside_cavity",
        Severity.CHECK,
        "pixels as bright as blood at peak enhancement lie in the contour of the myocardium",
        "{percent:.0f} % of the pixels as bright as blood at peak enhancement lie in the myocardium: please check the "
        "endocardial contour.",
    )
    INSERTION_POINTS_UNCERTAIN = (
        "insertion_points_uncertain",
        Severity.CHECK,
        "the network is unsure of the RV insertion points",
        "The RV insertion points are uncertain (confidence {confidence:.2f}): please check.",
    )
    INSERTION_POINTS_FROM_NEIGHBOR = (
        "insertion_points_from_neighbor",
        Severity.CHECK,
        "the RV insertion points were found far from where those of the next slice lie, and were placed like these",
        "The RV insertion points were found {apart_deg:.0f} degrees from those of the {neighbor} slice and are placed "
        "like these: please check.",
    )
    WALL_UNCERTAIN = (
        "wall_uncertain",
        Severity.CHECK,
        "the contours of one wall may be several millimeters off",
        "The contours of the {wall} wall may be {uncertainty_mm:.0f} mm off: please check.",
    )
    PEAK_FRAME_DISAGREES = (
        "peak_frame_disagrees",
        Severity.CHECK,
        "the blood pool is brightest in another frame than the network chose",
        "The blood pool is brightest in frame {blood_pool_frame}, but the whole series suggested frame "
        "{suggested_frame}: please check the peak frame.",
    )
    FRAMES_NOT_ALIGNED = (
        "frames_not_aligned",
        Severity.CHECK,
        "more than 15 % of the frames could not be aligned",
        "{count} of {of} frames could not be aligned and are not used.",
    )
    NOT_A_FIRST_PASS = (
        "not_a_first_pass",
        Severity.UNRELIABLE,
        "the slice may not show a first pass in short axis",
        "This may not be a first pass through a short-axis slice: {reasons}.",
    )

    # What speaks against a first pass in short axis: half-sentences, reasons of NOT_A_FIRST_PASS
    WEAK_ENHANCEMENT = (
        "weak_enhancement",
        Severity.UNRELIABLE,
        "the blood pool brightens less than when contrast agent passes",
        "the blood pool brightens by {rise_percent:.0f} % only",
    )
    NO_RIGHT_VENTRICLE = (
        "no_right_ventricle",
        Severity.UNRELIABLE,
        "no right ventricle is beside the left",
        "no right ventricle is seen",
    )
    RIGHT_NOT_BEFORE_LEFT = (
        "right_not_before_left",
        Severity.UNRELIABLE,
        "contrast agent does not reach the right ventricle first",
        "the right ventricle does not fill before the left",
    )
    MYOCARDIUM_AS_BRIGHT_AS_BLOOD = (
        "myocardium_as_bright_as_blood",
        Severity.UNRELIABLE,
        "at its peak, the blood pool is hardly brighter than the myocardium",
        "the muscle is as bright as the blood pool at its peak",
    )
    HEART_NOT_ROUND = (
        "heart_not_round",
        Severity.UNRELIABLE,
        "the left ventricle is too elongated for a short-axis plane",
        "the heart is {length_over_width:.1f} times as long as wide",
    )
    HEART_SIZE_IMPLAUSIBLE = (
        "heart_size_implausible",
        Severity.UNRELIABLE,
        "the left ventricle is too small or too large",
        "the heart is {diameter_mm:.0f} mm across",
    )
    UNFAMILIAR_CONTOURS = (
        "unfamiliar_contours",
        Severity.UNRELIABLE,
        "the confidence in the contours is as low as in no heart",
        "its contours resemble none that the networks know",
    )

    # Slices: what is missing for segments
    NO_MYOCARDIUM = (
        "no_myocardium",
        Severity.CHECK,
        "the slice has no myocardium contour",
        "Slice {slice_number} has no myocardium contour.",
    )
    NO_INSERTION_POINTS = (
        "no_insertion_points",
        Severity.CHECK,
        "the slice has no RV insertion points and therefore no segments",
        "Slice {slice_number} has no RV insertion points, so its flow has no segments. Place the anterior and the "
        "inferior point.",
    )

    # Arterial input
    AIF_SATURATED = (
        "aif_saturated",
        Severity.UNRELIABLE,
        "the arterial input is saturated in some frames",
        "The arterial input is saturated in {frames} frames; its peak is completed from its flanks. Taken as measured, "
        "it would overestimate flow.",
    )
    AIF_SHORT_BASELINE = (
        "aif_short_baseline",
        Severity.CHECK,
        "fewer than three frames precede the contrast agent",
        "Only {frames} frames precede the contrast agent; the baseline is uncertain.",
    )
    AIF_BASELINE_LOST = (
        "aif_baseline_lost",
        Severity.UNRELIABLE,
        "the scan begins when contrast agent is in the heart already",
        "The scan begins when contrast agent is in the heart already, so that the signal of blood without it is not "
        "known: the arterial input is too low, and flow is overestimated, by a factor of up to four.",
    )
    AIF_PEAK_LOW = (
        "aif_peak_low",
        Severity.CHECK,
        "the arterial peak is lower than any dose explains",
        "The arterial peak is low ({peak_mmol_l:.1f} mmol/L).",
    )
    AIF_PEAK_HIGH = (
        "aif_peak_high",
        Severity.UNRELIABLE,
        "the arterial peak is higher than any dose explains",
        "The arterial peak is implausibly high ({peak_mmol_l:.1f} mmol/L).",
    )
    AIF_NOISY_BASELINE = (
        "aif_noisy_baseline",
        Severity.CHECK,
        "noise of the arterial input exceeds a tenth of its peak",
        "The arterial input is noisy before the contrast agent arrives.",
    )
    AIF_FLAT_PEAK = (
        "aif_flat_peak",
        Severity.UNRELIABLE,
        "the arterial peak is hardly higher than later blood",
        "The arterial peak is flat: later blood holds {late_share:.0%} of it, where 10 to 25 % is usual. The signal "
        "was clipped, or saturation was incomplete; taken as measured, such an input overestimates flow.",
    )
    AIF_FIRST_PASS_INCOMPLETE = (
        "aif_first_pass_incomplete",
        Severity.UNRELIABLE,
        "the series ends before the first pass does",
        "The first pass is not complete: the bolus arrives late or the series ends early.",
    )
    AIF_BLOOD_NEAR_NOISE = (
        "aif_blood_near_noise",
        Severity.CHECK,
        "blood before the contrast agent is hardly brighter than noise",
        "Blood is hardly brighter than noise before the contrast agent; flow is uncertain in scale.",
    )
    AIF_LOWER_THAN_OTHERS = (
        "aif_lower_than_others",
        Severity.CHECK,
        "the most basal slice shows a much lower arterial peak than the others",
        "The arterial input of the {source} peaks at {peak_mmol_l:.1f} mmol/L, that of other slices at "
        "{others_mmol_l:.1f}: it was not used. Check the contours and the motion of that slice.",
    )
    AIF_PREBOLUS_WITHOUT_RATIO = (
        "aif_prebolus_without_ratio",
        Severity.CHECK,
        "the dose ratio of the pre-bolus is not known",
        "There is a pre-bolus, but its dose ratio is not known; enter it to use it for the arterial input.",
    )
    AIF_SERIES_UNUSABLE = (
        "aif_series_unusable",
        Severity.CHECK,
        "the series made for the arterial input gives no curve",
        "The arterial input series was not used. {problem}",
    )
    AIF_SERIES_FLAGGED = (
        "aif_series_flagged",
        Severity.CHECK,
        "the series made for the arterial input gives a curve with findings",
        "The arterial input series was not used: {reason}",
    )

    # Table of segments
    GLOBAL_FLOW_IMPLAUSIBLE = (
        "global_flow_implausible",
        Severity.UNRELIABLE,
        "the global flow is outside the expected range",
        "a global flow of {mbf_ml_min_g:.1f} mL/min/g is implausible; {low_ml_min_g:g} to {high_ml_min_g:g} is "
        "expected. Check the arterial input and the sequence values.",
    )
    NOT_COVERED = ("not_covered", Severity.NOTE, "no slice shows the region", "not covered by any slice.")
    READ_AS = (
        "read_as",
        Severity.NOTE,
        "what the DICOM reader decided or had to assume",
        "{found}",
    )
    ACQUISITION_UNCERTAIN = (
        "acquisition_uncertain",
        Severity.UNRELIABLE,
        "headers contradict each other on field strength or contrast agent, or a doubt of another version",
        "{found}",
    )
    CLOCK_UNCERTAIN = (
        "clock_uncertain",
        Severity.UNRELIABLE,
        "when frames were acquired, or in which order, is guessed, or clocks disagree",
        "{found}",
    )
    IMAGES_MISSING = (
        "images_missing",
        Severity.UNRELIABLE,
        "images of the scan are lost, or cannot be used",
        "{found}",
    )
    SERIES_LEFT_OUT = (
        "series_left_out",
        Severity.UNRELIABLE,
        "a slice or a series that looks like perfusion cannot be used",
        "{found}",
    )
    STORED_VALUES_UNCERTAIN = (
        "stored_values_uncertain",
        Severity.UNRELIABLE,
        "values of the pixels are cut off, scaled unevenly, negative, compressed with loss, or change within the scan",
        "{found}",
    )
    SEQUENCE_UNCERTAIN = (
        "sequence_uncertain",
        Severity.UNRELIABLE,
        "values of the sequence differ within the scan, or its signal model is another one",
        "{found}",
    )
    CONDITION_UNCERTAIN = (
        "condition_uncertain",
        Severity.UNRELIABLE,
        "which scan is rest and which is stress is guessed, or contradicted by heart rates",
        "{found}",
    )
    RESIDUAL_CONTRAST_UNCERTAIN = (
        "residual_contrast_uncertain",
        Severity.CHECK,
        "contrast agent of an earlier injection makes the scale of the arterial input uncertain",
        "residual contrast, {residual_mmol_l:.2f} ± {residual_sd_mmol_l:.2f} mmol/L in blood, makes the arterial input "
        "uncertain by {input_log_shift:.0%}.",
    )
    ABSOLUTE_FLOW_UNKNOWN = (
        "absolute_flow_unknown",
        Severity.UNRELIABLE,
        "the probability that absolute flow is off by more than 40 % exceeds 20 %",
        "absolute flow is known to {mbf_low_ml_min_g:.1f} to {mbf_high_ml_min_g:.1f} mL/min/g only (95 %): neither "
        "headers nor curves tell more. Flow relative to other segments holds; the reserve has an interval of its own.",
    )
    FLOW_UNCERTAIN = (
        "flow_uncertain",
        Severity.CHECK,
        "the probability that absolute flow is off by more than 40 % is 5 to 20 %",
        "absolute flow lies between {mbf_low_ml_min_g:.1f} and {mbf_high_ml_min_g:.1f} mL/min/g (95 %); it is off by "
        "more than 40 % with a probability of {far_probability:.0%}.",
    )
    FLOW_WITHOUT_INTERVAL = (
        "flow_without_interval",
        Severity.UNRELIABLE,
        "a flow has no finite 95 % interval, or lies outside of it",
        "the flow has no 95 % interval that holds it. Do not read it as a number.",
    )
    RESERVE_WITHOUT_INTERVAL = (
        "reserve_without_interval",
        Severity.UNRELIABLE,
        "a reserve has no finite 95 % interval, or lies outside of it",
        "the MPR has no 95 % interval that holds it. Do not read it as a number.",
    )
    RESERVE_UNKNOWN = (
        "reserve_unknown",
        Severity.UNRELIABLE,
        "the probability that the reserve is off by more than 40 % exceeds 20 %",
        "the MPR is known to {mpr_low:.1f} to {mpr_high:.1f} only (95 %): neither headers nor curves tell more. "
        "Segments beside each other hold.",
    )
    RESERVE_UNCERTAIN = (
        "reserve_uncertain",
        Severity.CHECK,
        "the probability that the reserve is off by more than 40 % is 5 to 20 %",
        "the MPR lies between {mpr_low:.1f} and {mpr_high:.1f} (95 %); it is off by more than 40 % with a probability "
        "of {far_probability:.0%}.",
    )
    FLOW_SHIFTED = (
        "flow_shifted",
        Severity.NOTE,
        "the curves contradict what headers and literature state, so that flow was moved",
        "the curves contradict what is stated of the sequence; flow was multiplied by {factor:.2f}.",
    )
    AIF_AT_CEILING = (
        "aif_at_ceiling",
        Severity.NOTE,
        "the top of the arterial input lies near the ceiling of the signal",
        "the top of the arterial input lies near the ceiling of the signal, which says how high it is at least; flow "
        "leans on late blood and on the flanks of the first pass.",
    )
    STRESS_BELOW_REST = (
        "stress_below_rest",
        Severity.UNRELIABLE,
        "flow under stress lies below that at rest in most segments",
        "flow lies below that at rest in {segments} of {of} segments. Check which scan is which, whether the stress "
        "agent worked, and the contrast agent left from an earlier injection.",
    )
    MPR_IMPLAUSIBLE = (
        "mpr_implausible",
        Severity.UNRELIABLE,
        "the myocardial perfusion reserve is outside the range of hearts",
        "an MPR of {mpr:.1f} is implausible; {low:g} to {high:g} is expected.",
    )
    FLOW_IMPLAUSIBLE = (
        "flow_implausible",
        Severity.UNRELIABLE,
        "the flow of a region is higher than any heart's",
        "a flow of {mbf_ml_min_g:.1f} mL/min/g is implausible; up to {high_ml_min_g:g} is expected.",
    )
    MANY_FAILED_PIXELS = (
        "many_failed_pixels",
        Severity.CHECK,
        "more than 20 % of the pixels have no trustworthy flow",
        "{failed_share:.0%} of the pixels have no trustworthy flow.",
    )
    FEW_PIXELS = ("few_pixels", Severity.CHECK, "the region has fewer than ten pixels", "only {pixels} pixels.")
    BELOW_THRESHOLD = (
        "below_threshold",
        Severity.NOTE,
        "a value is below a threshold that the user chose",
        "{quantity_name} is below {threshold}{sure}.",
    )

    # Files and scenes of another version
    OTHER_VERSION = (
        "other_version",
        Severity.CHECK,
        "a finding of another version of PerfusionDL, of which the text is known",
        "{sentence}",
    )
