"""How a page looks, as far as it can be measured."""

from base64 import b64encode

from playwright.async_api import Locator, Page

LEGIBLE = 4.5
"""Least contrast of text (WCAG 2.2, 1.4.3)."""

_TEXTS = """
() => {
  const probe = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  function channels(colour) {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  }
  function behind(element) {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  }
  function luminance([...colour]) {
    const [red, green, blue] = colour.slice(0, 3).map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (!text || element.closest(":disabled, option") || !element.checkVisibility()) continue;
    const [one, other] = [channels(getComputedStyle(element).color), behind(element)].map(luminance);
    found.push([text, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)]);
  }
  return found;
}
"""


async def hard_to_read(page: Page) -> list[tuple[str, float]]:
    """Texts in view of too little contrast with what is behind them, with that contrast."""
    found: list[list[object]] = await page.evaluate(_TEXTS)
    assert found, "there is no text on this page"
    contrasts = [(str(text), float(str(contrast))) for text, contrast in found]
    return [(text, contrast) for text, contrast in contrasts if contrast < LEGIBLE]


async def colours(page: Page, card: Locator | None = None) -> list[str]:
    """Background and text of the body and of a card, the first one if not told."""
    script = """(element) => {
      const {backgroundColor, color} = getComputedStyle(element);
      return [backgroundColor, color];
    }"""
    seen = (page.locator("body"), card or page.locator("main section").first)
    return [colour for one in seen for colour in await one.evaluate(script)]


async def sideways(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    wider: int = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wider


_COUNT = """
async ({png, variable}) => {
  const probe = document.createElement("i");
  document.body.append(probe);
  probe.style.color = `var(${variable})`;
  const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  const bytes = Uint8Array.from(atob(png), (one) => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
  const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  canvas.drawImage(picture, 0, 0);
  const {data} = canvas.getImageData(0, 0, picture.width, picture.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4)
    if (wanted.slice(0, 3).every((channel, index) => Math.abs(data[at + index] - channel) < 3)) count++;
  return count;
}
"""


async def pixels(page: Page, seen: Locator, variable: str) -> int:
    """How many pixels drawn there have this variable's colour: no locator finds what WebGL draws."""
    png = b64encode(await seen.screenshot()).decode()
    count: int = await page.evaluate(_COUNT, {"png": png, "variable": variable})
    return count
