"""What is said of a mistake, where no manifest is needed to see it. tests/manifest/cases has the rest."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gemctl.core.source import Positions, Span
from gemctl.schema.scalars import Duration, ResourceName
from gemctl.schema.shape import Shape, optional
from gemctl.schema.validation import explain

NOWHERE = Positions(Span("", 1, 1, 1, 1))


class Thing(Shape):
    name: ResourceName = optional("A name.")
    time_left: Duration = optional("A duration.")


@pytest.mark.parametrize(("field", "code"), [("name", "E205"), ("timeLeft", "E215")])
@pytest.mark.parametrize("word", ["{code} {at}", "{message}", "{0} {"])
def test_braces_in_what_was_written_stay_what_they_are(field, code, word):
    with pytest.raises(ValidationError) as caught:
        Thing.model_validate({field: word})
    (found,) = explain(caught.value, Thing, {field: word}, NOWHERE)
    assert found.code == code
    assert repr(word) in found.detail
