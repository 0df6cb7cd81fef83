"""Every mark of a page, walked over by the pointer and by the keyboard: what its explanation box says."""

import re

FIND = r"""() => {
    const root = document.querySelector(".cr");
    const parts = [
        "button", "input", "select", "textarea", "a[href]", "progress", "canvas", "[role=img]",
        "[tabindex='0']", "label.cr-button", "[data-s]", "[data-p]", "[data-l]", "[data-m]", ".cr-result", "mark",
        "th", "td.cr-out",
        ".cr-stage [data-symbol]", ".cr-stage [data-door]", ".cr-stage .edges > g:not(.cr-fan)",
        ".cr-stage .cr-fan > g",
        ".cr-stage text:not(.halo)", ".cr-stage rect", ".cr-plot svg *",
    ];
    const seen = node => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length;
    return [...root.querySelectorAll(parts.join())].filter(node => seen(node) && !node.closest(".hit"));
}"""

HOVER = r"""() => {
    const said = [], box = document.querySelector(".cr-tip"), find = FIND;
    const called = node => `<${node.tagName.toLowerCase()} class="${node.getAttribute("class") ?? ""}"> ${
        node.getAttribute("aria-label") ?? node.getAttribute("data-symbol") ?? node.textContent}`.slice(0, 90);
    const places = node => {
        const line = node.matches("rect, path, polyline") ? node : node.querySelector(":scope > .hit, :scope > .line");
        if (line) {
            const to = line.getScreenCTM(), step = line.getTotalLength() / 40;
            return Array.from({ length: 40 }, (_, k) => line.getPointAtLength(step * (k + 0.5)).matrixTransform(to));
        }
        const parts = [[0.5, 0.5], [0.2, 0.5], [0.8, 0.5], [0.5, 0.2], [0.5, 0.8], [0.02, 0.5], [0.98, 0.5]];
        return [...node.getClientRects()].flatMap(({ left, top, width, height }) =>
            parts.map(([x, y]) => ({ x: left + x * width, y: top + y * height })));
    };
    for (const node of find()) {
        if (node.matches(".cr-line, ul, .cr-scroll, .cr-marked, .cr-file")) continue; // what is in them is walked over
        node.scrollIntoView({ block: "center", inline: "center" });
        const own_label = hit => hit.closest("[data-label]") && node.contains(hit.closest("[data-symbol]"));
        const hits = places(node).map(({ x, y }) => document.elementFromPoint(x, y))
            .filter(hit => hit && (node.contains(hit) || own_label(hit)));
        // A line that lies wholly under others is reached by the keyboard, which finds each.
        if (!hits.length && node.matches(".edges > [tabindex='0']")) continue;
        let words = null;
        for (const hit of hits) {
            hit.dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" }));
            words = box.hidden ? "" : box.innerText;
            hit.dispatchEvent(new PointerEvent("pointerout", { bubbles: true }));
            if (words) break;
        }
        said.push([called(node), words]);
    }
    return said;
}""".replace("FIND", FIND)

FOCUSED = r"""() => {
    let node = document.activeElement;
    const box = document.querySelector(".cr-tip");
    if (!node || node === document.body) return null;
    return [`${node.tagName} ${node.getAttribute("aria-label") ?? node.textContent}`.slice(0, 90),
        box.hidden ? "" : box.innerText, [...document.querySelectorAll("*")].indexOf(node)];
}"""


def hovered(page):
    """Return each mark, with what the box says of it under the pointer; None where nothing of it can be pointed at."""
    return page.evaluate(HOVER)


def focused(page, most=400):
    """Return each stop of the Tab key, with what the box says of it."""
    page.mouse.move(1, 1)  # rests from here on, whatever scrolls under it
    page.keyboard.press("Shift")
    page.locator(".cr-header select").first.focus()
    found, seen = [], set()
    for _ in range(most):
        own = page.evaluate(FOCUSED)
        if own is None or own[2] in seen:
            break
        seen.add(own[2])
        found.append(own[:2])
        page.keyboard.press("Tab")
    return found


def stops_of_the_drawing(page):
    """Return how many stops of the Tab key the drawing has."""
    return page.locator(".cr-stage [tabindex='0']").count()


def wrong(said, lang):
    """Return the marks that say nothing, or not in a page's language."""
    return [(mark, words) for mark, words in said if not words or not spoken(words, lang)]


def spoken(words, lang):
    """Return whether words are a sentence in a language; a formula with a number is one in any."""
    if re.search(r"[∂=×]", words) or re.fullmatch(r"\S*", words):
        return True
    return bool(re.search("[가-힣]", words)) == (lang == "ko")


PRESSED = """async () => {
    const frame = () => new Promise(done => requestAnimationFrame(done));
    for (let at = 0; at < 3 || window.asking > 0; at++) await frame();
    const node = document.activeElement;
    return node !== document.body && document.querySelector(".cr").contains(node) && node.checkVisibility();
}"""
WATCH = """() => {
    const ask = window.fetch;
    window.asking = 0;
    window.fetch = async (...what) => {
        window.asking += 1;
        try { return await ask(...what); } finally { setTimeout(() => { window.asking -= 1; }, 50); }
    };
    window.print = () => {};
}"""


def lost(page, panel):
    """Press each button of a panel with the keyboard, one after the other; return those that lose the focus."""
    page.evaluate(WATCH)
    found, pressed = [], 0
    buttons = panel.locator("button:enabled:visible")
    while pressed < min(buttons.count(), 45):
        own = buttons.nth(pressed)
        name = own.get_attribute("aria-label") or own.inner_text()
        own.focus()
        page.keyboard.press("Enter")
        if not page.evaluate(PRESSED):
            found.append(name)
        pressed += 1
    assert pressed >= 3
    return found
