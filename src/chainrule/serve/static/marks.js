// Places in a document: what is marked, and what a repair makes of it.

/**
 * One `=` of a report.
 * @typedef {{part: number, cell: number | null, line: number, start: number, end: number, target: string, verdict: string,
 *   message: string | null, said: string[], meant: string[],
 *   repair: null | {changes: {before: string, after: string}[], edits: {start: number, end: number, text: string}[]}}} Link
 */

/**
 * What the judge says of a document.
 * @typedef {{networks: string[], inferred: boolean, format: string, score: number, counts: Record<string, number>, links: Link[],
 *   gaps: string[], reading: string[], texts: string[], left_out: {cell: number | null, line: number, message: string}[]}} Report
 */

/**
 * A text cut where marks begin and end. Places count characters, not the halves that some characters have here.
 * @param {string} text
 * @param {{start: number, end: number, at: number}[]} marks
 * @returns {{text: string, at: number | null}[]}
 */
export function spans(text, marks) {
  const letters = [...text];
  const found = [];
  let done = 0;
  for (const { start, end, at } of [...marks].sort((one, other) => one.start - other.start || other.end - one.end)) {
    if (start < done || end <= start) continue; // it stands within another one
    if (start > done) found.push({ text: letters.slice(done, start).join(""), at: null });
    found.push({ text: letters.slice(start, end).join(""), at });
    done = end;
  }
  if (done < letters.length) found.push({ text: letters.slice(done).join(""), at: null });
  return found;
}

/**
 * The document after the repairs of some links; of edits that meet, the first one counts.
 * @param {string} whole the document as it was put in
 * @param {Report} report
 * @param {Link[]} links
 */
export function rewritten(whole, report, links) {
  const parts = report.texts.map((text, part) => {
    const edits = links.filter((link) => link.part === part).flatMap((link) => link.repair?.edits ?? []);
    const letters = [...text];
    let from = Infinity;
    for (const edit of unique(edits).sort((one, other) => other.start - one.start || other.end - one.end)) {
      if (edit.end > from) continue;
      letters.splice(edit.start, edit.end - edit.start, edit.text);
      from = edit.start;
    }
    return letters.join("");
  });
  if (report.format !== "notebook") return parts[0];
  const notebook = JSON.parse(whole);
  const cells = notebook.cells ?? notebook.worksheets?.[0]?.cells ?? [];
  const numbers = new Map(report.links.map((link) => [link.part, link.cell]));
  for (const [part, cell] of numbers) if (cell !== null && cells[cell - 1]) cells[cell - 1].source = parts[part];
  return `${JSON.stringify(notebook, null, 1)}\n`;
}

/** Two links of a line have the line's repair, each. @param {{start: number, end: number, text: string}[]} edits */
function unique(edits) {
  return [...new Map(edits.map((edit) => [`${edit.start} ${edit.end} ${edit.text}`, edit])).values()];
}
