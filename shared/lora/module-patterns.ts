import { DiptychError } from '../errors.ts';

/** Beyond these a pattern from a stranger's file could take minutes: a repeated group, or many repetitions in a row. */
const REPEATED_GROUP = /\)[*+{]/;
const REPETITION = /[*+{]/g;
const MAX_REPETITIONS = 4;
const MAX_LENGTH = 400;

interface Pattern {
  key: string;
  value: number;
  expression: RegExp;
}

/** PEFT's `rank_pattern` and `alpha_pattern`: a number for every module whose path ends with a key, itself a regular expression. */
export class ModulePatterns {
  readonly #patterns: Pattern[];

  /** @throws DiptychError `lora_header_invalid` for a key that is no regular expression, or one that could run for minutes */
  constructor(patterns: Readonly<Record<string, number>>, what: string, file: string) {
    this.#patterns = Object.entries(patterns).map(([key, value]) => ({ key, value, expression: compiled(key, what, file) }));
  }

  /** The first key that one of a module's names ends with, as PEFT takes it. */
  match(names: readonly string[]): { key: string; value: number } | undefined {
    return this.#patterns.find(({ expression }) => names.some((name) => expression.test(name)));
  }
}

/** PEFT's `get_pattern_key`: the key must reach the end of the path, and begin it or follow a dot. */
function compiled(key: string, what: string, file: string): RegExp {
  if (key.length > MAX_LENGTH || REPEATED_GROUP.test(key) || (key.match(REPETITION)?.length ?? 0) > MAX_REPETITIONS)
    throw new DiptychError('lora_header_invalid', `${what} has the key ${key.slice(0, MAX_LENGTH)}, which is too complex to match`, {
      file,
      key,
    });
  try {
    return new RegExp(`^(?:.*\\.)?(?:${key})$`);
  } catch (cause) {
    throw new DiptychError('lora_header_invalid', `${what} has the key ${key}, which is no regular expression`, { file, key }, { cause });
  }
}
