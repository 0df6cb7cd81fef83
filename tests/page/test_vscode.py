"""The widget under what VS Code's notebooks demand: their frame, policy, colours and width, imitated in Chromium.

VS Code itself is not run. Imitated is what its webview is known to set: a sandboxed frame, a content security policy
that lets in no font from a style sheet, the theme as a class and an attribute of the body, a narrow output, a module
that is imported from a blob, and storage that cannot be relied on.
"""

import json
from functools import partial

import pytest
from playwright.sync_api import expect

from chainrule import Network
from page.hands import number_of, shown

NET = Network.read("2-3-2-1")
POLICY = (
    "default-src 'none'; script-src 'self' blob: 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' https: http: data:; font-src 'self' https:; connect-src https:; child-src https: data:"
)
OUTER = """<!doctype html><title>window</title><iframe src="http://webview.test/" style="width: 640px; height: 1600px"
sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"></iframe>"""
INNER = """<!doctype html><html style="--vscode-editor-background: #1f1f1f; --vscode-editor-foreground: #ccc"><head>
<meta http-equiv="Content-Security-Policy" content="POLICY"><script>
globalThis.refused = [];
addEventListener("securitypolicyviolation", event => refused.push([event.violatedDirective, event.blockedURI]));
Object.defineProperty(globalThis, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });
</script></head><body class="vscode-dark" data-vscode-theme-kind="vscode-dark"
style="background: var(--vscode-editor-background); color: var(--vscode-editor-foreground)"><div id="output"></div>
<script type="application/json" id="state">STATE</script><script>
const state = JSON.parse(document.getElementById("state").textContent), listeners = {};
globalThis.model = {
    saved: 0,
    get: name => state[name],
    set(name, value) { state[name] = value; for (const one of listeners[`change:${name}`] ?? []) one(); },
    save_changes() { this.saved++; },
    on(event, one) { (listeners[event] ??= new Set()).add(one); },
    off(event, one) { listeners[event]?.delete(one); },
};
const style = document.createElement("style");
style.textContent = state._css;
document.head.append(style);
const address = URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" }));
import(address).then(async module => {
    globalThis.end = await module.default.render({ model, el: document.getElementById("output") });
});
</script></body></html>"""


def answer(body, route):
    """Answer a request with a document."""
    route.fulfill(body=body, content_type="text/html; charset=utf-8")


@pytest.fixture
def webview(browser):
    """A notebook's frame with the widget in it; the errors of its page and what the policy refused are empty."""
    explorer = NET.explore()
    state = {name: explorer.get_state()[name] for name in ("weights", "selected", "_esm", "_css")}
    inner = INNER.replace("POLICY", POLICY).replace("STATE", json.dumps(state).replace("<", "\\u003c"))
    context = browser.new_context(viewport={"width": 700, "height": 1700})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    for address, body in (("http://vscode.test/", OUTER), ("http://webview.test/", inner)):
        page.route(address, partial(answer, body))
    page.goto("http://vscode.test/")
    [_, frame] = page.frames
    frame.locator(".cr-stage svg").first.wait_for()
    yield frame
    assert frame.evaluate("refused") == []
    assert errors == []
    context.close()


def test_clicked_and_set_from_outside(webview):
    """A click chooses a weight, and its lines appear; Python hears of it, and what Python sets is shown."""
    webview.locator('.cr-stage [data-symbol="w_11^1"] .hit').first.click(force=True)
    line = webview.locator(".cr-scalar .cr-line .cr-result").first
    expect(line).to_be_visible()
    assert number_of(line) == shown(NET.values().partials["w_11^1"])
    assert webview.evaluate("[model.get('selected'), model.saved > 0]") == ["w_11^1", True]
    webview.evaluate("model.set('selected', 'w_12^3')")
    webview.evaluate("model.set('weights', { ...model.get('weights'), W_3: [[2.0], [-0.5]] })")
    expect(webview.locator('.cr-stage [data-symbol="w_12^3"]')).to_have_attribute("aria-pressed", "true")
    values = NET.values(weights={"W_3": [[2.0], [-0.5]]})
    webview.wait_for_timeout(200)
    assert number_of(line) == shown(values.partials["w_12^3"])
    webview.get_by_role("tab", name="Numbers", exact=True).click()
    webview.get_by_role("textbox", name="w_11^1", exact=True).first.fill("0.625")
    webview.wait_for_timeout(200)
    assert webview.evaluate("model.get('weights').W_1[0][0]") == 0.625
    for name in ("Practise", "Take along", "Follow"):
        webview.get_by_role("tab", name=name, exact=True).click()
    assert webview.evaluate("[location.hash, document.documentElement.scrollWidth <= innerWidth]") == ["", True]
    webview.evaluate("end()")
    expect(webview.locator(".cr-stage")).to_have_count(0)


def test_formulas_have_their_fonts(webview):
    """They come as bytes, since the policy lets in none that a style sheet holds."""
    webview.evaluate("model.set('selected', 'w_11^1')")
    webview.evaluate("document.fonts.ready.then(() => undefined)")
    found = webview.evaluate(
        "[...document.fonts].filter(one => one.status === 'loaded' && one.family.includes('KaTeX')).length"
    )
    assert found == 20
    width = "family => { const pen = new OffscreenCanvas(1, 1).getContext('2d'); pen.font = `40px ${family}`; return pen.measureText('∂loss∑').width; }"  # noqa: E501
    assert webview.evaluate(width, "KaTeX_Main, monospace") != webview.evaluate(width, "monospace")


def test_colours_follow_the_editor(webview):
    """Dark, light and high contrast, as they are changed; a choice of one's own stays."""
    root = webview.locator(".cr")
    dark, light = "rgb(20, 23, 27)", "rgb(255, 255, 255)"
    expect(root).to_have_css("background-color", dark)
    for kind, others, colour in (
        ("vscode-light", "", light), ("vscode-high-contrast", "", dark),
        ("vscode-high-contrast-light", "vscode-high-contrast", light), ("vscode-dark", "vscode-reduce-motion", dark),
    ):  # fmt: skip
        for says in ("both", "class"):
            webview.evaluate(
                """([kind, others, says]) => {
                    document.body.className = `${kind} ${others} vscode-using-screen-reader`;
                    if (says === "both") document.body.dataset.vscodeThemeKind = kind;
                    else delete document.body.dataset.vscodeThemeKind;
                }""",
                [kind, others, says],
            )
            expect(root).to_have_css("background-color", colour)
    webview.get_by_label("Colours").select_option("light")
    expect(root).to_have_css("background-color", light)
    webview.get_by_label("Colours").select_option("")
    expect(root).to_have_css("background-color", dark)
