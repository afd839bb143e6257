/** What a study is: ways of making pictures, each tried on every pair, prompt and seed. */
import type { LoraEntry } from '../../shared/manifest.ts';
import type { GenerateRequest } from '../../shared/protocol.ts';

/** A way of making pictures: what it sets in the request. */
export interface Variant {
  name: string;
  /** The names of the variants that it is compared with, picture by picture. */
  against?: readonly string[];
  request: Pick<GenerateRequest, 'rule'> & Partial<Pick<GenerateRequest, 'ruleSettings' | 'guidance' | 'strengths'>>;
}

/** The name of the rows that hold the ground truth itself, drawn by the world's own code: what no rule can beat. */
export const TRUTH = 'ground truth';

export interface Study {
  /** Of its command and its files. */
  name: string;
  title: string;
  /** What is asked, in a sentence or two. */
  about: string;
  /** Of each pair. */
  seeds: number;
  prompts: number;
  variants: readonly Variant[];
  /** The variant whose pictures of every pair are shown on a sheet of their own. */
  gallery?: string;
  /** Tables of their own, each with its title and the names of its rows; one table of all where left out. */
  tables?: readonly { title: string; rows: readonly string[] }[];
}

/** What is the same for every variant. */
export interface Trials {
  pairs: readonly Pair[];
  seeds: readonly number[];
  /** Prompts of each pair, at most `PROMPTS.length`. */
  prompts: number;
  steps: number;
}

export interface Pair {
  subject: LoraEntry;
  style: LoraEntry;
}

/** The ways in which a pair is asked for; `a picture of` is how the base model's captions begin too. */
export const PROMPTS: readonly ((pair: Pair) => string)[] = [
  ({ subject, style }) => `${subject.trigger} ${style.trigger}`,
  ({ subject, style }) => `a picture of ${subject.trigger} ${style.trigger}`,
];

/** One pair made by one variant, which is one piece of work: all its prompts and seeds. */
export interface Cell {
  variant: Variant | typeof TRUTH;
  pair: Pair;
}

export const variantName = ({ variant }: Cell): string => (variant === TRUTH ? TRUTH : variant.name);

/** Judge: 1 or 0. DINO, CLIP, Gram, prompt: cosines. Distance: root mean square over pixels in [0, 1]. Share: of layers and steps that used the subject's LoRA alone. */
export const SCORES = [
  'judge subject',
  'judge style',
  'judge both',
  'dino',
  'clip',
  'gram',
  'prompt',
  'distance',
  'subject share',
] as const;
export type Score = (typeof SCORES)[number];
export type Scores = Readonly<Record<Score, number>>;

/** One picture's scores; where it was made so. */
export interface Scored {
  variant: string;
  subject: string;
  style: string;
  prompt: number;
  seed: number;
  scores: Scores;
}

/** What was made of a cell. */
export interface CellResult {
  scored: Scored[];
  /** PNG, base64: the picture of the first prompt and seed, for the contact sheet. */
  sample: string;
  /** Of each picture, from text encoder to pixels; nothing is loaded in that time. Zeros for the truth. */
  milliseconds: number[];
}
