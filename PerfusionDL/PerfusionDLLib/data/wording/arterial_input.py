"""What may be wrong with the arterial input."""

from .severity import Severity, Wording

ARTERIAL_INPUT = {
    # Arterial input
    "aif_saturated": Wording(
        Severity.UNRELIABLE,
        "the arterial input is saturated in some frames",
        "The arterial input is saturated in {frames} frames; its peak is completed from its flanks. Taken as measured, "
        "it would overestimate flow.",
    ),
    "aif_short_baseline": Wording(
        Severity.CHECK,
        "fewer than three frames precede the contrast agent",
        "Only {frames} frames precede the contrast agent; the baseline is uncertain.",
    ),
    "aif_baseline_lost": Wording(
        Severity.UNRELIABLE,
        "the scan begins when contrast agent is in the heart already",
        "The scan begins when contrast agent is in the heart already, so that the signal of blood without it is not "
        "known: the arterial input is too low, and flow is overestimated, by a factor of up to four.",
    ),
    "aif_peak_low": Wording(
        Severity.CHECK,
        "the arterial peak is lower than any dose explains",
        "The arterial peak is low ({peak_mmol_l:.1f} mmol/L).",
    ),
    "aif_peak_high": Wording(
        Severity.UNRELIABLE,
        "the arterial peak is higher than any dose explains",
        "The arterial peak is implausibly high ({peak_mmol_l:.1f} mmol/L).",
    ),
    "aif_noisy_baseline": Wording(
        Severity.CHECK,
        "noise of the arterial input exceeds a tenth of its peak",
        "The arterial input is noisy before the contrast agent arrives.",
    ),
    "aif_flat_peak": Wording(
        Severity.UNRELIABLE,
        "the arterial peak is hardly higher than later blood",
        "The arterial peak is flat: later blood holds {late_share:.0%} of it, where 10 to 25 % is usual. The signal "
        "was clipped, or saturation was incomplete; taken as measured, such an input overestimates flow.",
    ),
    "aif_first_pass_incomplete": Wording(
        Severity.UNRELIABLE,
        "the series ends before the first pass does",
        "The first pass is not complete: the bolus arrives late or the series ends early.",
    ),
    "aif_blood_near_noise": Wording(
        Severity.CHECK,
        "blood before the contrast agent is hardly brighter than noise",
        "Blood is hardly brighter than noise before the contrast agent; flow is uncertain in scale.",
    ),
    "aif_lower_than_others": Wording(
        Severity.CHECK,
        "the most basal slice shows a much lower arterial peak than the others",
        "The arterial input of the {source} peaks at {peak_mmol_l:.1f} mmol/L, that of other slices at "
        "{others_mmol_l:.1f}: it was not used. Check the contours and the motion of that slice.",
    ),
    "aif_prebolus_without_ratio": Wording(
        Severity.CHECK,
        "the dose ratio of the pre-bolus is not known",
        "There is a pre-bolus, but its dose ratio is not known; enter it to use it for the arterial input.",
    ),
    "aif_series_unusable": Wording(
        Severity.CHECK,
        "the series made for the arterial input gives no curve",
        "The arterial input series was not used. {problem}",
    ),
    "aif_series_flagged": Wording(
        Severity.CHECK,
        "the series made for the arterial input gives a curve with findings",
        "The arterial input series was not used: {reason}",
    ),
}
