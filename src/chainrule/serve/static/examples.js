// Documents to try the judge with: the seed's own, which stands in a file of its own, and two short ones.

export const EXAMPLES = {
  seed: { file: "/serve/static/examples/seed.md", name: "seed.md", network: "2-3-2-1", found: true },
  line: {
    name: "line.md",
    network: "2-3-2-1",
    text: "$$\\frac{\\partial loss}{\\partial a_1^1} = \\frac{\\partial loss}{\\partial z_1^2} \\cdot w_{11}^2 + \\frac{\\partial loss}{\\partial z_2^2} \\cdot w_{12}^2$$\n",
  },
  latex: { file: "/serve/static/examples/homework.tex", name: "homework.tex", network: "3-4-2-1" },
};
