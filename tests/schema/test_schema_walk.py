"""The one walker over JSON Schema: forms, fields, lists and maps, and names that are put in place of others."""

from __future__ import annotations

from gemctl.schema.walk import Node, reference, referred, renamed

SCHEMA = {
    "properties": {
        "one": {**reference("A"), "description": "Said here."},
        "many": {"type": "array", "items": {"oneOf": [{"type": "string"}, reference("A"), reference("B")]}},
        "named": {"type": "object", "additionalProperties": reference("A")},
        "word": {"anyOf": [{"enum": ["HIGH", "LOW", "high", "low", "High"]}, {"type": "null"}]},
    },
    "required": ["many"],
    "$defs": {"A": {"title": "A", "description": "Said there.", "properties": {"x": {}}}, "B": {"properties": {}}},
}
ROOT = Node(SCHEMA, SCHEMA)


def test_a_reference_is_followed_and_what_stands_beside_it_counts():
    (form,) = ROOT.fields["one"].forms()
    assert (form.entry["title"], form.entry["description"], form.names) == ("A", "Said here.", ("x",))
    assert Node(reference("B"), SCHEMA).resolved().entry["title"] == "B"
    assert Node(reference("None"), SCHEMA).resolved().names == ()


def test_what_is_required_is_known_of_each_field():
    assert [name for name, field in ROOT.fields.items() if field.required] == ["many"]


def test_keys_lead_to_fields_and_indices_to_items():
    items = ROOT.below("many").below(3)
    assert items.entry == SCHEMA["properties"]["many"]["items"]
    assert ROOT.below("named").below("any").resolved().names == ("x",)
    assert [ROOT.below("other"), ROOT.below(0), ROOT.below("one").resolved().below("x").below("y")] == [
        None,
        None,
        None,
    ]


def test_a_form_is_taken_by_its_name_if_there_is_one():
    items = ROOT.below("many").items
    assert [form.entry.get("title") for form in items.forms()] == [None, "A", "B"]
    assert [form.entry.get("title") for form in items.forms("B")] == ["B"]
    assert len(list(items.forms("text"))) == 3


def test_null_is_no_form_and_a_word_is_named_in_one_spelling():
    assert [form.words for form in ROOT.fields["word"].forms()] == [["HIGH", "LOW"]]


def test_references_lead_to_new_names():
    assert set(referred(SCHEMA)) == {"A", "B"}
    again = renamed(SCHEMA, {"A": "K.A"})
    assert set(referred(again)) == {"K.A", "B"}
    assert renamed(again, {"K.A": "A"}) == SCHEMA
