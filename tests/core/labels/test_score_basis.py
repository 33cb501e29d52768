"""What a score rests on, in words."""

from __future__ import annotations

from core.labels.score_basis import ENOUGH_PICTURES, ENOUGH_SHARE, ScoreBasis


def test_a_score_says_what_it_rests_on() -> None:
    assert ScoreBasis(1, 0.042).text() == "on 4 % of 1 picture"
    assert ScoreBasis(12, 1.0, (0.81, 0.963)).text("val picture") == "0.81 to 0.96 on all of 12 val pictures"
    assert ScoreBasis(3, 0.0004).text() == "on 0.04 % of 3 pictures"


def test_few_pictures_or_strokes_are_not_enough() -> None:
    assert ScoreBasis(ENOUGH_PICTURES, ENOUGH_SHARE).is_enough
    assert not ScoreBasis(ENOUGH_PICTURES - 1, 1.0).is_enough
    assert not ScoreBasis(100, ENOUGH_SHARE / 2).is_enough


def test_classes_with_few_pixels_are_named() -> None:
    basis = ScoreBasis(12, 1.0, few={3: 120, 9: 1, 7: 5})
    assert basis.few_text({3: "pole", 9: "sign"}) == "Few pixels: pole (120 pixels), sign (1 pixel)."
    assert ScoreBasis(12, 1.0).few_text({3: "pole"}) == ""


def test_classes_that_count_as_zero_lower_the_interval() -> None:
    assert ScoreBasis(12, 1.0, (0.5, 1.0)).scaled(0.5).interval == (0.25, 0.5)
    assert ScoreBasis(1, 1.0).scaled(0.5) == ScoreBasis(1, 1.0)
