"""What the networks found in a slice, how sure they are, and what is missing there."""

from .severity import Severity, Wording

SLICES = {
    # Slices: what the networks found and how sure they are
    "peak_frame_uncertain": Wording(
        Severity.CHECK,
        "the network is unsure of the frame of peak enhancement",
        "The frame of peak enhancement is uncertain (confidence {confidence:.2f}): please check.",
    ),
    "box_uncertain": Wording(
        Severity.CHECK,
        "the network is unsure of the box of the left ventricle",
        "The position of the left ventricle is uncertain (confidence {confidence:.2f}): please check.",
    ),
    "contours_uncertain": Wording(
        Severity.CHECK,
        "the network is unsure of the contours",
        "The contours are uncertain (confidence {confidence:.2f}): please check.",
    ),
    "cavity_uncertain": Wording(
        Severity.CHECK,
        "the network is unsure of the endocardial contour",
        "The endocardial contour is uncertain (expected overlap of the cavity {expected_dice:.2f}): please check.",
    ),
    "lumen_outside_cavity": Wording(
        Severity.CHECK,
        "pixels as bright as blood at peak enhancement lie in the contour of the myocardium",
        "{percent:.0f} % of the pixels as bright as blood at peak enhancement lie in the myocardium: please check the "
        "endocardial contour.",
    ),
    "insertion_points_uncertain": Wording(
        Severity.CHECK,
        "the network is unsure of the RV insertion points",
        "The RV insertion points are uncertain (confidence {confidence:.2f}): please check.",
    ),
    "insertion_points_from_neighbor": Wording(
        Severity.CHECK,
        "the RV insertion points were found far from where those of the next slice lie, and were placed like these",
        "The RV insertion points were found {apart_deg:.0f} degrees from those of the {neighbor} slice and are placed "
        "like these: please check.",
    ),
    "wall_uncertain": Wording(
        Severity.CHECK,
        "the contours of one wall may be several millimeters off",
        "The contours of the {wall} wall may be {uncertainty_mm:.0f} mm off: please check.",
    ),
    "peak_frame_disagrees": Wording(
        Severity.CHECK,
        "the blood pool is brightest in another frame than the network chose",
        "The blood pool is brightest in frame {blood_pool_frame}, but the whole series suggested frame "
        "{suggested_frame}: please check the peak frame.",
    ),
    "peak_frame_ambiguous": Wording(
        Severity.NOTE,
        "the blood pool is as bright as at its peak in many frames",
        "The blood pool is within 5 % of its peak from frame {first} to frame {last}: its peak may be any of them.",
    ),
    "frames_not_aligned": Wording(
        Severity.CHECK,
        "more than 15 % of the frames could not be aligned",
        "{count} of {of} frames could not be aligned and are not used.",
    ),
    "not_a_first_pass": Wording(
        Severity.UNRELIABLE,
        "the slice may not show a first pass in short axis",
        "This may not be a first pass through a short-axis slice: {reasons}.",
    ),
    # What speaks against a first pass in short axis: half-sentences, reasons of NOT_A_FIRST_PASS
    "weak_enhancement": Wording(
        Severity.UNRELIABLE,
        "the blood pool brightens less than when contrast agent passes",
        "the blood pool brightens by {rise_percent:.0f} % only",
    ),
    "no_right_ventricle": Wording(
        Severity.UNRELIABLE,
        "no right ventricle is beside the left",
        "no right ventricle is seen",
    ),
    "right_not_before_left": Wording(
        Severity.UNRELIABLE,
        "contrast agent does not reach the right ventricle first",
        "the right ventricle does not fill before the left",
    ),
    "myocardium_as_bright_as_blood": Wording(
        Severity.UNRELIABLE,
        "at its peak, the blood pool is hardly brighter than the myocardium",
        "the muscle is as bright as the blood pool at its peak",
    ),
    "heart_not_round": Wording(
        Severity.UNRELIABLE,
        "the left ventricle is too elongated for a short-axis plane",
        "the heart is {length_over_width:.1f} times as long as wide",
    ),
    "heart_size_implausible": Wording(
        Severity.UNRELIABLE,
        "the left ventricle is too small or too large",
        "the heart is {diameter_mm:.0f} mm across",
    ),
    "unfamiliar_contours": Wording(
        Severity.UNRELIABLE,
        "the confidence in the contours is as low as in no heart",
        "its contours resemble none that the networks know",
    ),
    # Slices: what is missing for segments
    "no_myocardium": Wording(
        Severity.CHECK,
        "the slice has no myocardium contour",
        "Slice {slice_number} has no myocardium contour.",
    ),
    "no_insertion_points": Wording(
        Severity.CHECK,
        "the slice has no RV insertion points and therefore no segments",
        "Slice {slice_number} has no RV insertion points, so its flow has no segments. Place the anterior and the "
        "inferior point.",
    ),
}
