"""What admins may have a service type's notifications say: only what push will be able to fill in."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from contracts.models import Text
from contracts.wording import PLACEHOLDER, PLACEHOLDERS, Told, Words

Title = Annotated[Text, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Body = Annotated[Text, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
"""Of control characters only the line feed."""
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
Args = Annotated[list[Title], Field(max_length=10)]


class WordsBody(BaseModel):
    """The words of one notification; see `contracts.wording.Words`."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    body: Body | None = None
    title_loc_key: Key | None = None
    title_loc_args: Args = Field(default=[])
    loc_key: Key | None = None
    loc_args: Args = Field(default=[])

    @model_validator(mode="after")
    def _saying_something(self) -> "WordsBody":
        if not (self.title or self.body or self.title_loc_key or self.loc_key):
            raise ValueError("says nothing: give a title, a body, or a key")
        for key, args in ((self.title_loc_key, self.title_loc_args), (self.loc_key, self.loc_args)):
            if args and not key:
                raise ValueError("args go with a key")
        return self

    def templates(self) -> Iterator[str]:
        """All texts that are filled in."""
        yield from (text for text in (self.title, self.body) if text)
        yield from self.title_loc_args
        yield from self.loc_args


def _fillable(wording: dict[Told, WordsBody]) -> dict[Told, WordsBody]:
    for told, words in wording.items():
        known = PLACEHOLDERS[told]
        for template in words.templates():
            if unknown := _unknown(template, known):
                has = ", ".join(f"{{{name}}}" for name in sorted(known))
                raise ValueError(f"{told}: {unknown[:100]} cannot be filled in; there is {has}")
    return wording


def _unknown(template: str, known: Collection[str]) -> str | None:
    """The first thing in braces that is no known placeholder, or a brace that stands alone."""
    for found in PLACEHOLDER.finditer(template):
        if found[1] not in known:
            return found[0]
    return next((one for one in PLACEHOLDER.sub("", template) if one in "{}"), None)


WordingBody = Annotated[dict[Told, WordsBody], AfterValidator(_fillable)]
"""By what is told. What is not named is told as the requirements have it."""


def wording_to(body: Mapping[Told, WordsBody] | None) -> dict[str, Any] | None:
    """As it is kept: only what was said."""
    if body is None:
        return None
    return {told.value: words.model_dump(mode="json", exclude_defaults=True) for told, words in body.items()}


def told_as(kept: Mapping[str, Any] | None) -> dict[str, Words]:
    """What is kept, as the bus is told."""
    return {name: Words.model_validate(words) for name, words in (kept or {}).items()}
