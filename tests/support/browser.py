"""A real browser, without a screen: Debian's Chromium, which CI installs."""

import contextlib
import shutil

from support.lacking import lacking

CHROMIUM = shutil.which("chromium")
WIDTHS = {"phone": (390, 844), "laptop": (1366, 768), "projector": (1920, 1080)}


@contextlib.contextmanager
def open_page(width="laptop", scheme="light"):
    """Give an empty page; ``problems`` are its complaints, and ``requests`` what it asks for."""
    if not CHROMIUM:
        lacking("Chromium", "chromium")
    from playwright.sync_api import sync_playwright

    across, down = WIDTHS[width]
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": across, "height": down}, color_scheme=scheme)
        page.problems, page.requests = [], []
        page.on(
            "console",
            lambda said: page.problems.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        yield page
        browser.close()


LEAST_CONTRAST = 4.5  # WCAG 2.1, level AA, for text of any size
TEXTS = """
const visible = (box) => box.width > 0 && box.height > 0;
const texts = [...document.querySelectorAll("body *")].filter((one) =>
  !["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(one.tagName.toUpperCase()) &&
  [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) &&
  one.checkVisibility({opacityProperty: true, visibilityProperty: true}) &&
  visible(one.getBoundingClientRect()));
"""


def faint_texts(page):
    """Return the texts whose contrast with the background below them is too small."""
    return page.evaluate(
        """(least) => {
        const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
        const rgba = (colour) => {
          paint.clearRect(0, 0, 1, 1);
          paint.fillStyle = colour;
          paint.fillRect(0, 0, 1, 1);
          return [...paint.getImageData(0, 0, 1, 1).data];
        };
        const luminance = ([r, g, b]) => {
          const part = (value) => (value / 255 <= 0.04045
            ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
          return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
        };
        const behind = (one) => {
          for (let at = one; at; at = at.parentElement) {
            const colour = rgba(getComputedStyle(at).backgroundColor);
            if (colour[3] > 250) return colour;
          }
          return [255, 255, 255];
        };
        """
        + TEXTS
        + """
        return texts.filter((one) => {
          const style = getComputedStyle(one);
          const isSvg = one instanceof SVGElement;
          const [a, b] = [rgba(isSvg ? style.fill : style.color), behind(one)]
            .map(luminance).sort((x, y) => y - x);
          return (a + 0.05) / (b + 0.05) < least;
        }).map((one) => `${one.textContent.trim().slice(0, 40)} in ${one.tagName}`);
        }""",
        LEAST_CONTRAST,
    )


def overlapping_texts(page, but_in="none"):
    """Return pairs of texts, each in a box of its own, whose boxes cover each other.

    Of two within an element that the selector ``but_in`` names, nothing is said.
    """
    return page.evaluate(
        "(butIn) => {"
        + TEXTS
        + """
        const isTurned = (one) => one.closest("[transform*=rotate]"); // its box is larger
        const name = (one) => one.textContent.trim().slice(0, 30);
        const seen = (one) => { // the part of its box that nothing around it cuts off
          let {left, right, top, bottom} = one.getBoundingClientRect();
          for (let around = one.parentElement; around; around = around.parentElement) {
            if (getComputedStyle(around).overflow === "visible") continue;
            const edge = around.getBoundingClientRect();
            [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
            [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
          }
          return {left, right, top, bottom};
        };
        const boxes = texts.filter((one) => !isTurned(one) && !texts.some((other) =>
          other !== one && one.contains(other))).map((one) => [one, seen(one)]);
        const pairs = [];
        boxes.forEach(([one, a], place) => boxes.slice(place + 1).forEach(([other, b]) => {
          const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          const isLeftOut = one.closest(butIn) && other.closest(butIn);
          if (across > 2 && down > 2 && !isLeftOut)
            pairs.push(`${name(one)} | ${name(other)}`);
        }));
        return pairs;
        }""",
        but_in,
    )
