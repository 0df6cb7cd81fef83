"""Looks at where things stand in a browser, for the tests of the page and of the server."""

OUT_OF_SIGHT = """nodes => nodes.flatMap(node => {
    scrollBy({ top: node.getBoundingClientRect().top - innerHeight / 2, behavior: "instant" });
    const { left, right, top, bottom } = node.getBoundingClientRect();
    for (let frame = node.parentElement; frame; frame = frame.parentElement) {
        const outer = frame.getBoundingClientRect();
        if (getComputedStyle(frame).overflowX === "visible" && frame !== document.body) continue;
        if (left < outer.left - 0.5 || right > outer.right + 0.5) return [["cut off by", frame.className]];
    }
    const inside = [[left + 4, top + 4], [right - 4, bottom - 4], [(left + right) / 2, (top + bottom) / 2]];
    const over = inside.map(([x, y]) => document.elementFromPoint(x, y)).find(one => !node.contains(one));
    return over ? [["covered by", over.className]] : [];
})"""
"""What cuts off elements or lies over them, where they are now; nothing where all of each is seen."""

INK = """svg => {
    const pen = new OffscreenCanvas(1, 1).getContext("2d");
    const ink = text => {
        let at = 0;
        const runs = text.children.length ? [...text.children] : [text];
        return runs.filter(run => run.textContent.trim()).map(run => {
            const { fontStyle, fontWeight, fontSize, fontFamily } = getComputedStyle(run);
            pen.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
            const { x, y } = text.getStartPositionOfChar(at);
            at += run.textContent.length;
            const found = pen.measureText(run.textContent);
            return [x - found.actualBoundingBoxLeft, y - found.actualBoundingBoxAscent,
                x + found.actualBoundingBoxRight, y + found.actualBoundingBoxDescent];
        });
    };
    return [...svg.closest(".cr-stage").querySelectorAll("text:not(.halo)")]
        .filter(text => text.textContent.trim() && getComputedStyle(text).display !== "none")
        .map(text => ({ said: text.textContent, number: !!text.closest(".cr-locals"), boxes: ink(text) }));
}"""
"""Of a drawing: its texts, and the boxes around the ink of each run of letters, in the drawing's own lengths."""


def collisions(texts, room=1.5):
    """Return the pairs of texts whose ink overlaps; a number needs room around it as well."""

    def apart(one, other, room):
        return (
            one[2] + room <= other[0] or other[2] + room <= one[0]
            or one[3] + room <= other[1] or other[3] + room <= one[1]
        )  # fmt: skip

    return [
        (one["said"], other["said"])
        for at, one in enumerate(texts)
        for other in texts[at + 1 :]
        if not all(apart(a, b, room * (one["number"] or other["number"])) for a in one["boxes"] for b in other["boxes"])
    ]
