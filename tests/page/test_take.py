"""What is taken along: files with the numbers, the drawing and the lines of exactly what is on the screen."""

import base64
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from chainrule import Network
from chainrule.network import Given
from page.hands import choose, number_field, open_tab, shown, symbol
from papers import pdf_text

SEED = Network.read("2-3-2-1")
SVG = "{http://www.w3.org/2000/svg}"


def taken(page, name):
    """Press the button of a form, and return the file."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).click()
    return waiting.value.path()


# The drawing

ON_SCREEN = """() => [...document.querySelectorAll(".cr-stage svg text:not(.halo)")]
    .filter(text => !text.closest("[data-door][aria-expanded=true]")).map(text => text.textContent)"""
COLOURS = """() => [...document.querySelectorAll(".cr-stage .edges .weight .line, .cr-stage .units .shape")]
    .map(shape => getComputedStyle(shape).stroke)"""
SCENES = {
    "numbers": ("2-3-2-1 --bias", "of=w_11^1", {"w_11^2": -0.75, "w_12^3": 1.5}),
    "opened": ("2-13-2-1", "of=w_31^1&open=1", {"w_13^2": -0.75}),
    "folded": ("2-14-2-1", "of=w_11^2&notation=bishop&lang=ko", {}),
    "korean": ("2-3-2:softmax --loss ce", "of=a_2^1&lang=ko&theme=dark", {"w_11^2": 2}),
    "plain": ("2-3-2-1", "notation=ng&theme=dark", {}),
}


def scene(visit, name, **settings):
    """Open a page, change numbers on it, and go to what is taken along."""
    text, address, weights = SCENES[name]
    net = Network.read(text)
    changed = ",".join(f"{place}:{value}" for place, value in places(net, weights))
    page = visit(net, address=f"#{address}&p={changed}&tab=take", reduced_motion="reduce", **settings)
    page.locator(".cr-stage svg").first.wait_for()
    return net, page, net.values(weights=weights)


def places(net, weights):
    """Return where numbers stand among the parameters of a page."""
    from chainrule.page import bundle

    found = bundle(net)
    for name, value in weights.items():
        own = net.values(weights={name: value})
        other = bundle(net, values=own)["numbers"]["p"]
        yield from ((k, value) for k, (p, q) in enumerate(zip(found["numbers"]["p"], other, strict=True)) if p != q)


@pytest.mark.parametrize("name", SCENES)
def test_the_texts_of_an_svg(visit, name):
    """Every label and number that is drawn, in the notation and the language on the screen; numbers are Python's."""
    _, page, values = scene(visit, name)
    file = ET.parse(taken(page, "SVG")).getroot()
    texts = [text for text in file.iter(f"{SVG}text") if "halo" not in text.get("class", "")]
    words = lambda text: "".join(part for one in text.iter() if one.tag != f"{SVG}title" for part in [one.text or ""])  # noqa: E731
    assert sorted(map(words, texts)) == sorted(page.evaluate(ON_SCREEN))
    strokes = [one.get("stroke") for one in file.iter() if one.get("class") in ("line", "shape") and one.get("stroke")]
    assert set(page.evaluate(COLOURS)) <= set(strokes)
    locals_ = {text.find(f"{SVG}title").text: words(text) for text in texts if text.get("data-l")}
    assert bool(locals_) == ("of=" in SCENES[name][1])
    for local, number in locals_.items():
        of, by = re.fullmatch("∂(.+)/∂(.+)", local).groups()
        assert number == shown(slope(values.symbols, of, by), 3), local
    assert file.find(f"{SVG}rect[@class='paper']") is not None
    pressed = [one for one in file.iter() if one.get("tabindex") or one.get("class") in ("hit", "area")]
    assert pressed == []


def slope(v, of, by):
    """Return a local derivative ∂of/∂by of the networks here, as it is found by hand."""
    indices = lambda name: re.findall(r"[0-9]+", name.split("^")[0]) or ["1"]  # noqa: E731
    if of == "loss":
        return v[by] - v["true"] if "true" in v else -v[by.replace("pred", "true")] / v[by]
    if by.startswith("b_"):
        return 1.0
    if by.startswith("w_"):
        layer = int(by.split("^")[1]) - 1
        (pair,) = re.findall(r"w_([0-9,]+)", by)
        source = pair.split(",")[1] if "," in pair else pair[1]
        return v[f"x_{int(source) - 1}" if layer == 0 else f"a_{source}^{layer}"]
    if by.startswith("z_"):
        (i,), (j,) = indices(of), indices(by)
        return v[of] * ((i == j) - v[of.replace(f"_{i}", f"_{j}")])
    (i,), (j,) = indices(of), indices(by)
    own = re.compile(rf"w_{i},?{j}\^")
    source = int(by.split("^")[1]) if "^" in by else 0
    (weight,) = [name for name in v if own.match(name) and name.endswith(f"^{source + 1}")]
    return v[weight]


def difference(page, one, other):
    """Return how large two PNG pictures are, which share of their places differs, and which is not of one colour."""
    data = [f"data:image/png;base64,{base64.b64encode(picture).decode()}" for picture in (one, other)]
    return page.evaluate(
        """async pictures => {
            const [one, other] = await Promise.all(pictures.map(async source => {
                const image = new Image();
                image.src = source;
                await image.decode();
                const canvas = document.createElement("canvas");
                [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
                const context = canvas.getContext("2d");
                context.drawImage(image, 0, 0);
                return context.getImageData(0, 0, canvas.width, canvas.height);
            }));
            const size = ({ width, height }) => [width, height];
            const [width, height] = [0, 1].map(k => Math.min(size(one)[k], size(other)[k]));
            const apart = (a, k, b, l) => [0, 1, 2].reduce((sum, c) => sum + Math.abs(a[k + c] - b[l + c]), 0);
            let off = 0, drawn = 0;
            for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
                const [at, there] = [one, other].map(picture => 4 * (y * picture.width + x));
                if (apart(one.data, at, other.data, there) > 150) off += 1;
                if (apart(one.data, at, one.data, 0) > 60) drawn += 1;
            }
            return [size(one), size(other), off / (width * height), drawn / (width * height)];
        }""",
        data,
    )


@pytest.mark.parametrize("name", SCENES)
def test_the_pixels_of_a_png(visit, browser, name):
    """The picture is the SVG, twice as large; the SVG is what stands on the screen, colours and numbers included."""
    _, page, _ = scene(visit, name, device_scale_factor=2)
    svg, png = taken(page, "SVG").read_text(encoding="utf-8"), taken(page, "PNG").read_bytes()
    width, height = (float(re.search(rf' {side}="([\d.]+)"', svg)[1]) for side in ("width", "height"))
    stage = page.locator(".cr-stage")
    controls = ".cr-tools, .cr-stage [data-door] .area, .cr-stage [aria-expanded=true]"
    page.locator(controls).evaluate_all("all => all.forEach(control => { control.style.display = 'none'; })")
    sides = [round(width), round(height)]
    most = 0.002 if "dark" in SCENES[name][1] else 0.0002  # bright letters are smoothed in more than one way
    stage.evaluate(
        """(stage, [width, height]) => Object.assign(stage.style, {
            position: "fixed", left: 0, top: 0, maxHeight: "none", zIndex: 9,
            width: `${width}px`, height: `${height}px`,
            background: getComputedStyle(stage.closest(".cr")).backgroundColor })""",
        sides,
    )
    screen = stage.screenshot()
    other = browser.new_page(viewport={"width": 2000, "height": 1800})
    picture = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    other.set_content(f'<body style="margin:0"><img src="{picture}" style="display:block">')
    image = other.locator("img")

    def drawn(*size):
        image.evaluate(
            "(image, size) => { [image.style.width, image.style.height] = size.map(side => `${side}px`); }", size
        )
        image.evaluate("image => image.decode()")
        return image.screenshot()

    size, other_size, off, ink = difference(other, png, drawn(round(2 * width), round(2 * height)))
    assert size == other_size == [round(2 * width), round(2 * height)]
    assert off < most
    assert 0.01 < ink < 0.5
    _, _, off, ink = difference(other, screen, drawn(*(2 * side for side in sides)))
    assert off < most
    assert ink > 0.01
    other.close()


def test_a_number_that_changes_changes_the_picture(visit):
    """What is dragged is in the next file; what is not on the drawing changes nothing."""
    page = visit(SEED, address="#of=w_11^1&tab=take", reduced_motion="reduce")
    before = taken(page, "PNG").read_bytes()
    assert taken(page, "PNG").read_bytes() == before
    open_tab(page, "Numbers")
    number_field(page, "w_11^2").fill("-2.5")
    open_tab(page, "Take along")
    assert "−2.5" in taken(page, "SVG").read_text(encoding="utf-8")
    size, other, off, _ = difference(page, before, taken(page, "PNG").read_bytes())
    assert size == other
    assert 0 < off < 0.05


# Paper


@pytest.mark.parametrize("address", ["#of=w_11^2&tab=take", "#of=w_11^2&tab=numbers", "#of=w_11^2&lang=ko&theme=dark"])
def test_numbers_on_paper(visit, tmp_path, address):
    """Printed from any tab: the numbers of the drawing and of the lines, as they are on the screen."""
    changed = {"w_11^3": -0.75}
    ((place, value),) = places(SEED, changed)
    page, values = visit(SEED, address=f"{address}&p={place}:{value}"), SEED.values(weights=changed)
    page.pdf(path=tmp_path / "printed.pdf")
    text = pdf_text(tmp_path / "printed.pdf").replace("-", "−")
    page.emulate_media(media="print")
    drawn = page.locator(".cr-locals text").all_text_contents()
    assert len(drawn) >= 4
    for number in (*drawn, shown(values.partials["w_11^2"]), shown(values["a_1^1"])):
        assert number in text, number
    assert shown(SEED.values().partials["w_11^2"]) not in text


# Sheets and lines


def test_what_is_taken_along(visit, tmp_path):
    """The files hold what is on the screen."""
    page, values = visit(SEED), SEED.values()
    choose(page, "w_11^2")
    open_tab(page, "Take along")

    def saved(name):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name, exact=True).click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    assert Network.from_toml(saved("TOML").read_text(encoding="utf-8")).replace(given=Given()) == SEED
    line = saved("LaTeX").read_text(encoding="utf-8")
    assert r"\cdot a_1^1 = " in line and f"= {values.partials['w_11^2']:.6g} \\]\n" in line
    assert "htmlData" not in line
    svg = saved("SVG").read_text(encoding="utf-8")
    assert svg.startswith("<svg") and 'data-symbol="w_11^2"' in svg and "rgb(163, 51, 15)" in svg
    numbers = json.loads(saved("JSON").read_text(encoding="utf-8"))
    assert numbers["W_2"] == values["W_2"].tolist()
    assert saved("PNG").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert saved("Markdown").read_text(encoding="utf-8").startswith("# Network 2-3-2-1\n\n$$")


@pytest.mark.parametrize(
    "text", ["2-3-2-1 --bias", "3-4-3 --loss softmax_ce_index --bias", "2-3:softmax --loss ce", "1-12-1", "tied"]
)
def test_a_sheet_is_taken_along(visit, text):
    """TOML with every number that is on the screen: typed weights, samples, targets; read back, it is the same."""
    tied = "layers = \"2-2-1\"\ntied = [['w_11^1', 'w_22^1']]\nmissing = ['w_12^1']\nweights = { \"w_11^2\" = 3 }\n"
    net = Network.from_toml(tied) if text == "tied" else Network.read(text)
    page = visit(net)
    open_tab(page, "Numbers")
    number_field(page, "w_11^1").fill("0.123456")
    number_field(page, "x_0 1").fill("-2.5")
    page.get_by_role("button", name="Add a sample").click()
    number_field(page, "x_0 2").fill("1e-7")
    page.wait_for_timeout(100)
    open_tab(page, "Take along")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="TOML", exact=True).click()
    read = Network.from_toml(waiting.value.path().read_text(encoding="utf-8"))
    drawn = net.values()
    rows = [[-2.5, *drawn["X"][0][1:]], [1e-7, *drawn["X"][0][1:]]]
    targets = np.repeat(drawn["true"], 2, axis=0).tolist()
    values, back = net.values(inputs=rows, targets=targets, weights={"w_11^1": 0.123456}), read.values()
    assert read.replace(given=Given()) == net.replace(given=Given())
    assert back.seed.drawn == ()
    assert back["X"].tolist() == rows
    assert back["loss"] == pytest.approx(values["loss"], rel=1e-12)
    assert {n: back.partials[n] for n in back.partials} == pytest.approx(dict(values.partials), rel=1e-9)


def test_lines_that_are_taken_along_are_those_on_the_screen(visit):
    """LaTeX and Markdown: single numbers and whole layers, with what was typed; of what is chosen, or of everything."""
    page = visit(SEED)
    choose(page, "w_11^2")
    open_tab(page, "Numbers")
    number_field(page, "w_11^3").fill("0.123456")
    page.wait_for_timeout(100)
    open_tab(page, "Take along")

    def saved(name):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name, exact=True).click()
        return waiting.value.path().read_text(encoding="utf-8")

    values = SEED.values(weights={"w_11^3": 0.123456})
    own = f"{values.partials['w_11^2']:.6g}"
    for text in (saved("LaTeX"), saved("Markdown")):
        assert "0.123456" in text and f"= {own}" in text
        assert r"\begin{bmatrix}" in text and r"\frac{\partial \mathit{loss}}{\partial W_2}" in text
        assert "w_{12}^1" not in text and "htmlData" not in text
    symbol(page, "w_11^2").evaluate("node => node.closest('.cr-stage').click()")
    everything = saved("LaTeX")
    assert "w_{12}^1" in everything and r"\partial W_1" in everything
