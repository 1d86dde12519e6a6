"""Reading a page as a machine does: elements, their attributes and texts, and what is wrong with them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
LABELLED = ("aria-label", "aria-labelledby", "title")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    texts: list[str] = field(default_factory=list)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())

    def within(self, tag):
        above = self.parent
        while above is not None and above.tag != tag:
            above = above.parent
        return above


class Page(HTMLParser):
    """The elements of a page, in order; each holds all text inside of it."""

    def __init__(self, response):
        super().__init__()
        self.elements = []
        self.open = []
        self.content = response.content.decode()
        self.feed(self.content)

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        element = Element(tag, given, self.open[-1] if self.open else None)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1].tag == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(e.text for e in self.elements if e.tag == "body").split())

    def all(self, tag, **attributes):
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            e
            for e in self.elements
            if e.tag == tag and all(e.attributes.get(n) == v for n, v in wanted.items())
        ]

    def with_class(self, name):
        return [e for e in self.elements if name in e.attributes.get("class", "").split()]

    def links(self):
        return [e.attributes["href"] for e in self.all("a") if "href" in e.attributes]

    def control(self, words):
        """The one button with this text."""
        (button,) = [e for e in self.all("button") if e.text == words]
        return button

    def told_by(self, element):
        """The text that ``aria-describedby`` of an element points to."""
        wanted = element.attributes["aria-describedby"].split()
        return " ".join(e.text for e in self.elements if e.attributes.get("id") in wanted)


def faults(page):
    """Yield what a strict Content-Security-Policy, a screen reader or a browser would stumble over."""
    ids = [e.attributes["id"] for e in page.elements if e.attributes.get("id")]
    yield from (f"id twice: {i}" for i in sorted({i for i in ids if ids.count(i) > 1}))
    for element in page.elements:
        yield from _element_faults(page, element, set(ids))
    if len(page.all("h1")) != 1:
        yield f"{len(page.all('h1'))} h1"
    if len(page.all("main")) != 1:
        yield "not one main"


def _element_faults(page, element, ids):
    tag, given = element.tag, element.attributes
    named = element.text or set(LABELLED) & set(given)
    rules = {
        "inline style or script": "style" in given or any(n.startswith("on") for n in given),
        "no file of ours": tag == "style"
        or (tag == "script" and not given.get("src", "").startswith("/static/")),
        "no label": _is_field(element) and not _is_labelled(page, element),
        "no name": tag in ("button", "a") and not named,
        "no caption": tag == "table" and not any(e.parent is element for e in page.all("caption")),
        "no scope": tag == "th" and "scope" not in given,
    }
    yield from (f"{words}: {tag} {given}" for words, broken in rules.items() if broken)
    target = given.get("href", "")
    if tag == "use" and target.removeprefix("#") not in ids:
        yield f"there is no symbol {target}"
    for name in ("aria-labelledby", "aria-describedby", "aria-controls"):
        missing = [i for i in given.get(name, "").split() if i not in ids]
        yield from (f"{name} points to nothing: {i}" for i in missing)


def _is_field(element):
    return (
        element.tag in ("input", "select", "textarea")
        and element.attributes.get("type") != "hidden"
    )


def _is_labelled(page, element):
    labels = {e.attributes.get("for") for e in page.all("label")}
    given = element.attributes
    return given.get("id") in labels or element.within("label") or set(LABELLED) & set(given)
