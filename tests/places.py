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
