"""What a watch makes of limits of money, and of models that end: it says so ahead, and keeps to the limits."""

from __future__ import annotations

from watch_world import PROJECT, Place, cache

FACTS = "apiVersion: gemctl/v1\nkind: Facts\n"
PRICES = ", prices: [{until: '2026-11-29', input: '1', cached: '0.1', storage: '1'}]"  # known until the end, not after


def project(safety: str) -> str:
    return PROJECT.replace("defaults:", f"safety: {safety}\ndefaults:")


def renewals(place: Place) -> int:
    return sum(line.get("operation") == "update" and line.get("status") == "done" for line in place.lines)


def codes(place: Place, event: str) -> list[str]:
    return [found["code"] for line in place.told(event) for found in line["diagnostics"]]


def test_what_is_within_the_limits_is_renewed(tmp_path):
    place = Place(tmp_path / "shop")
    place.write("gemctl.yaml", project("{maxCost: 1, maxMonthlyCost: 100}"))
    place.applied().watch(until="3h")
    assert renewals(place) >= 3
    assert codes(place, "error") == []


def test_a_renewal_over_the_limit_is_not_made_and_said_once(tmp_path):
    place = Place(tmp_path / "shop").applied()
    place.write("gemctl.yaml", project("{maxCost: 0.00001}"))
    place.watch(until="3h")
    assert renewals(place) == 0
    assert codes(place, "error").count("E585") == 1


def test_a_monthly_limit_holds_for_renewals_too(tmp_path):
    place = Place(tmp_path / "shop").applied()
    place.write("gemctl.yaml", project("{maxMonthlyCost: 0.01}"))
    place.watch(until="2h")
    assert renewals(place) == 0
    assert codes(place, "error").count("E586") == 1


def test_an_announced_end_lets_no_cache_end_before(tmp_path):
    """Its price is known until then, and after it the service has the last word."""
    for ends, more in (("2026-11-29", ""), ("2026-11-01", ""), ("2026-11-29", PRICES)):
        place = Place(tmp_path / f"{ends}{len(more)}").applied()
        place.write("facts.yaml", f"{FACTS}models: {{gemini-3.8-flash: {{ends: '{ends}'{more}}}}}\n")
        place.write("gemctl.yaml", project("{maxCost: 1, maxMonthlyCost: 100}") + "facts: facts.yaml\n")
        place.watch(until="3h")
        assert renewals(place) >= 3
        assert codes(place, "error") == []


def test_an_edit_that_waits_is_not_what_a_renewal_costs(tmp_path):
    place = Place(tmp_path / "shop").applied()
    place.write("gemctl.yaml", project("{maxMonthlyCost: 1.5}"))
    dear = cache("one").replace("spec:\n", "spec:\n  model: gemini-3.1-pro-preview\n")
    place.write("one.yaml", dear)
    place.watch(until="3h")
    assert renewals(place) >= 3
    assert codes(place, "error") == []


def test_a_limit_that_will_be_passed_is_said_ahead(tmp_path):
    """The clock begins in the second half of November, and prices double with the new year."""
    place = Place(tmp_path / "shop").applied()
    place.write("gemctl.yaml", project("{maxMonthlyCost: 0.7}"))
    place.watch(until="3h")
    assert renewals(place) >= 3
    assert codes(place, "notice").count("W582") == 1


def test_wrong_facts_are_told_while_an_edit_waits(tmp_path):
    place = Place(tmp_path / "shop").applied()
    place.write("gemctl.yaml", project("{maxMonthlyCost: 0.01}") + "facts: facts.yaml\n")
    place.write("facts.yaml", f"{FACTS}models: [\n")
    place.write("one.yaml", cache("one", "Another text, about as long.\n" * 200))
    place.watch(until="3h")
    assert renewals(place) >= 3
    assert codes(place, "notice").count("E101") == 1


def test_it_warns_of_models_that_end(tmp_path):
    """The clock begins ten days before gemini-2.5-pro is answered by another model."""
    place = Place(tmp_path / "shop")
    place.write("one.yaml", cache("one", more="").replace("spec:\n", "spec:\n  model: gemini-2.5-pro\n"))
    place.applied().watch(until="10m")
    assert codes(place, "notice").count("W241") == 1
