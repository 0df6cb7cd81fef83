// What the bundle holds; README.md beside chainrule.page says it in words.

export type Lang = "en" | "ko";
export type Words = (string | { tex: string })[];

export interface Quantity {
  kind: string; layer: number | null; source: number | null; matrix: string; array: string; partial: string | null;
  size: number[]; start?: number; support?: number[][];
}
export interface Line { name?: string; sides: string[]; put?: string; why?: number }
export interface Group { q: number; lines: Line[]; templated?: boolean; general?: number[][] }
export interface MatrixLine extends Line { q: number; backward?: boolean; shape?: string; columns?: number[] }
export interface SymbolForm { q: number; tex: string; partial: string; parts: [string, string, string] }
export interface Place { argument?: number; values?: number[] | null; at?: number }
export interface LinkEnd { q: number; places: Place[] }
export interface Link { code: number; of: LinkEnd; by: LinkEnd; inner: string; local: string | null }
export interface Notation {
  symbols: SymbolForm[]; forward: Group[]; backward: Group[]; links: Link[]; matrix: MatrixLine[];
  reasons: Record<Lang, Words>[];
}
export interface Bundle {
  version: number;
  net: {
    toml: string; figure: string; shorthand: string | null; name: string; sizes: number[]; weights: number; ties: string[][];
    outputs: number; names?: Record<number, string[]>;
  };
  lang: Lang; notation: string; quantities: Quantity[];
  numbers: { p: number[]; x: number[][]; target: number[][]; seed: number; drawn: string[] };
  targets: string; drawings: Record<Lang, string>; notations: Record<string, Notation>;
  texts: Record<Lang, Record<string, string>>;
}

export type Arrays = { loss: number; g: Float64Array; p: Float64Array; x: Float64Array; target: Float64Array;
  count: number } & Record<string, Float64Array | number>;
export interface Code {
  compute(p: Float64Array, x: Float64Array, target: Float64Array, count: number): Arrays;
  locals: ((v: Arrays, n: number, ...indices: number[]) => number)[];
}
export interface Numbers { p?: ArrayLike<number>; x?: number[][]; target?: number[][] }
export interface Panel { id: string; title: Record<Lang, string>; tip: Record<Lang, string>; mount(root: HTMLElement, page: any): () => void }
export interface Services {
  judge?(text: string, options: { format: string }): Promise<any>;
  export?(form: string): Promise<Blob>;
  exports?: string[];
  panels?: Panel[];
}
export interface Read { q: number; indices: number[] }
