"""What is wrong with a page in a real browser, in words: the same checks for good and bad pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, Route

SMALLEST_PX = 12.0
CONTRAST = 4.5  # WCAG 2.1, 1.4.3, of text of any size
COLOURS = 6  # fewer in a picture, and nothing is drawn in it
PHONE, DESK = 390, 1200
NAMED = 5  # offenders of one kind

_TEXT = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim(), at = walk.currentNode.parentElement;
    if (!text || ["STYLE", "SCRIPT", "title"].includes(at.tagName)) continue;
    if (!at.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const style = getComputedStyle(at), drawn = at.ownerSVGElement;
    const scale = drawn ? (m => Math.hypot(m.a, m.b))(at.getScreenCTM()) : 1;
    let behind = null, blended = false;
    for (let e = at; e && !behind; e = e.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
      if (a === 1) behind = [r, g, b]; else if (a > 0) blended = true;
    }
    found.push({
      text: text.slice(0, 40), px: parseFloat(style.fontSize) * scale,
      ink: numbers(drawn ? style.fill : style.color), behind: blended ? null : behind,
    });
  }
  return found;
}"""

_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter(e => !e.parentElement.closest(".scroll, svg"))
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => `${e.tagName.toLowerCase()} '${e.textContent.trim().slice(0, 30)}'`)"""

_SECTIONS = """() => [...document.querySelectorAll("nav a")].map(a => {
  const at = document.querySelector(a.getAttribute("href"));
  const heading = at && at.querySelector("h1, h2");
  return [a.textContent.trim(), heading ? heading.textContent.trim() : null];
})"""


@dataclass
class _Heard:
    """What a page says and asks for while it is open."""

    faults: list[str]

    def route(self, route: Route) -> None:
        """Only the file itself; whatever else is refused and told."""
        if route.request.url.startswith(("file:", "data:")):
            route.continue_()
        else:
            self.faults.append(f"asks for {route.request.url}")
            route.abort()

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")


def faults(browser: Browser, path: Path, width: int, scheme: str) -> list[str]:
    """Everything that is wrong with a page at a width in pixels, in a `light` or `dark` system.

    No request but for the file itself, nothing on the console, no page wider than its window, no
    text below 12 px or of too little contrast, every section named in the navigation there with
    its heading, every picture drawn, every fold opened by the keyboard. All folds are open.
    """
    heard = _Heard([])
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    try:
        page = context.new_page()
        page.route("**/*", heard.route)
        page.on("console", heard.console)
        page.on("pageerror", lambda error: heard.faults.append(f"script fails: {error}"))
        page.goto(path.as_uri())
        found = list(_keyboard(page))
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        return [
            *heard.faults,
            *found,
            *_wide(page),
            *_scheme(page, scheme),
            *_text(page),
            *_sections(page),
            *_pictures(page),
        ]
    finally:
        context.close()


def _keyboard(page: Page) -> Iterator[str]:
    """Each fold can be reached with Tab, shows that it is, and opens and closes with Enter."""
    folds = page.locator("summary").count()
    reached = 0
    for _ in range(20 * folds + 50):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "() => { const e = document.activeElement;"
            " return [e.tagName, getComputedStyle(e).outlineStyle, e.parentElement?.open] }"
        )
        if here[0] == "BODY":
            break
        if here[0] != "SUMMARY":
            continue
        reached += 1
        if here[1] == "none":
            yield f"fold {reached} does not show that it has the focus"
        page.keyboard.press("Enter")
        if page.evaluate("document.activeElement.parentElement.open") == here[2]:
            yield f"fold {reached} does not open or close with Enter"
        page.keyboard.press("Enter")
    if reached < folds:
        yield f"{folds - reached} of {folds} folds cannot be reached with Tab"


def _wide(page: Page) -> Iterator[str]:
    inner, whole = page.evaluate(
        "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    if whole > inner:
        names = page.evaluate(_WIDE)[:NAMED]
        yield f"the page is {whole} px wide in a window of {inner}: {', '.join(names)}"


def _scheme(page: Page, scheme: str) -> Iterator[str]:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = _luminance([float(v) for v in colour.strip("rgba()").split(",")[:3]])
    if (light > 0.5) != (scheme == "light"):
        yield f"the page is {colour} in a {scheme} system"


def _text(page: Page) -> Iterator[str]:
    small, faint = [], []
    for text in page.evaluate(_TEXT):
        if text["px"] < SMALLEST_PX:
            small.append(f"'{text['text']}' {text['px']:.1f}")
        if text["behind"] and len(text["ink"]) >= 3:
            pair = sorted((_luminance(text["ink"][:3]), _luminance(text["behind"])))
            contrast = (pair[1] + 0.05) / (pair[0] + 0.05)
            if contrast < CONTRAST:
                faint.append(f"'{text['text']}' {contrast:.1f}")
    if small:
        yield f"text below {SMALLEST_PX:g} px: {', '.join(small[:NAMED])}"
    if faint:
        yield f"contrast below {CONTRAST}: {', '.join(faint[:NAMED])}"


def _sections(page: Page) -> Iterator[str]:
    listed = page.evaluate(_SECTIONS)
    if not listed:
        yield "no navigation"
    yield from (f"section '{name}' has no heading" for name, heading in listed if not heading)


def _pictures(page: Page) -> Iterator[str]:
    from PIL import Image

    drawn = page.locator("figure svg")
    if not drawn.count():
        yield "no picture"
    for i in range(drawn.count()):
        data = drawn.nth(i).screenshot()
        colours = Image.open(io.BytesIO(data)).convert("RGB").getcolors(1 << 20) or []
        if 0 < len(colours) < COLOURS:
            yield f"picture {i + 1} is empty"


def _luminance(colour: list[float]) -> float:
    """Relative luminance of sRGB, 0 to 255 (WCAG 2.1)."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in colour)
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
