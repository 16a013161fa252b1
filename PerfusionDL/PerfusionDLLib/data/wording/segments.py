"""What the table of segments says of flow and reserve."""

from .severity import Severity, Wording

SEGMENTS = {
    # Table of segments
    "global_flow_implausible": Wording(
        Severity.UNRELIABLE,
        "the global flow is outside the expected range",
        "a global flow of {mbf_ml_min_g:.1f} mL/min/g is implausible; {low_ml_min_g:g} to {high_ml_min_g:g} is "
        "expected. Check the arterial input and the sequence values.",
    ),
    "not_covered": Wording(Severity.NOTE, "no slice shows the region", "not covered by any slice."),
    "residual_contrast_uncertain": Wording(
        Severity.CHECK,
        "contrast agent of an earlier injection makes the scale of the arterial input uncertain",
        "residual contrast, {residual_mmol_l:.2f} ± {residual_sd_mmol_l:.2f} mmol/L in blood, makes the arterial input "
        "uncertain by {input_log_shift:.0%}.",
    ),
    "absolute_flow_unknown": Wording(
        Severity.UNRELIABLE,
        "the probability that absolute flow is off by more than 40 % exceeds 20 %",
        "absolute flow is known to {mbf_low_ml_min_g:.1f} to {mbf_high_ml_min_g:.1f} mL/min/g only (95 %): neither "
        "headers nor curves tell more. Flow relative to other segments holds.",
    ),
    "flow_uncertain": Wording(
        Severity.CHECK,
        "the probability that absolute flow is off by more than 40 % is 5 to 20 %",
        "absolute flow lies between {mbf_low_ml_min_g:.1f} and {mbf_high_ml_min_g:.1f} mL/min/g (95 %); it is off by "
        "more than 40 % with a probability of {far_probability:.0%}.",
    ),
    "flow_without_interval": Wording(
        Severity.UNRELIABLE,
        "a flow has no finite 95 % interval, or lies outside of it",
        "the flow has no 95 % interval that holds it. Do not read it as a number.",
    ),
    "reserve_without_interval": Wording(
        Severity.UNRELIABLE,
        "a reserve has no finite 95 % interval, or lies outside of it",
        "the MPR has no 95 % interval that holds it. Do not read it as a number.",
    ),
    "reserve_unknown": Wording(
        Severity.UNRELIABLE,
        "the probability that the reserve is off by more than 40 % exceeds 20 %",
        "the MPR is known to {mpr_low:.1f} to {mpr_high:.1f} only (95 %): neither headers nor curves tell more. "
        "Segments beside each other hold.",
    ),
    "reserve_uncertain": Wording(
        Severity.CHECK,
        "the probability that the reserve is off by more than 40 % is 5 to 20 %",
        "the MPR lies between {mpr_low:.1f} and {mpr_high:.1f} (95 %); it is off by more than 40 % with a probability "
        "of {far_probability:.0%}.",
    ),
    "flow_shifted": Wording(
        Severity.NOTE,
        "the curves contradict what headers and literature state, so that flow was moved",
        "the curves contradict what is stated of the sequence; flow was multiplied by {factor:.2f}.",
    ),
    "aif_at_ceiling": Wording(
        Severity.NOTE,
        "the top of the arterial input lies near the ceiling of the signal",
        "the top of the arterial input lies near the ceiling of the signal, which says how high it is at least; flow "
        "leans on late blood and on the flanks of the first pass.",
    ),
    "stress_below_rest": Wording(
        Severity.UNRELIABLE,
        "flow under stress lies below that at rest in most segments",
        "flow lies below that at rest in {segments} of {of} segments. Check which scan is which, whether the stress "
        "agent worked, and the contrast agent left from an earlier injection.",
    ),
    "mpr_implausible": Wording(
        Severity.UNRELIABLE,
        "the myocardial perfusion reserve is outside the range of hearts",
        "an MPR of {mpr:.1f} is implausible; {low:g} to {high:g} is expected.",
    ),
    "flow_implausible": Wording(
        Severity.UNRELIABLE,
        "the flow of a region is higher than any heart's",
        "a flow of {mbf_ml_min_g:.1f} mL/min/g is implausible; up to {high_ml_min_g:g} is expected.",
    ),
    "many_failed_pixels": Wording(
        Severity.CHECK,
        "more than 20 % of the pixels have no trustworthy flow",
        "{failed_share:.0%} of the pixels have no trustworthy flow.",
    ),
    "few_pixels": Wording(Severity.CHECK, "the region has fewer than ten pixels", "only {pixels} pixels."),
    "below_threshold": Wording(
        Severity.NOTE,
        "a value is below a threshold that the user chose",
        "{quantity_name} is below {threshold}{sure}.",
    ),
}
