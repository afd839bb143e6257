import { DiptychError } from '../errors.ts';

/** The special tokens of a CLIP text encoder. */
interface SpecialTokens {
  start: string;
  end: string;
  unknown: string;
}

export interface ClipTokenizerFiles {
  /** `vocab.json`: token to id. */
  vocab: Record<string, number>;
  /** `merges.txt`: one pair a line, best first. */
  merges: string;
  special: SpecialTokens;
}

/** CLIP's split of a text into words (Radford et al. 2021, simple_tokenizer.py): contractions, letters, single digits, the rest. */
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/**
 * One self-contained `tokenizer.json` from the files of an older CLIP tokenizer folder: lower case, byte-level byte-pair encoding with
 * `</w>` at the end of a word, start and end token around the text.
 *
 * @throws DiptychError `pipeline_incomplete` if the vocabulary lacks a special token
 */
export function clipTokenizerJson({ vocab, merges, special }: ClipTokenizerFiles): object {
  const idOf = (token: string): number => {
    const id = vocab[token];
    if (id === undefined)
      throw new DiptychError('pipeline_incomplete', `vocab.json has no token ${token}, which tokenizer_config.json names`, { token });
    return id;
  };
  const added = [...new Set([special.start, special.end])].map((content) => ({
    id: idOf(content),
    content,
    special: true,
    normalized: false,
    lstrip: false,
    rstrip: false,
    single_word: false,
  }));
  const pairs = merges.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [special.end, idOf(special.end)],
      cls: [special.start, idOf(special.start)],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: special.unknown,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: pairs,
    },
  };
}
