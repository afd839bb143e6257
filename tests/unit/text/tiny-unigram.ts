/** A `tokenizer.json` of T5's kind, whose pieces are `▁` and single letters, but for `▁pip`. */
const PIECES = ['<pad>', '</s>', '<unk>', '▁', '▁pip', ...'abcdefghijklmnopqrstuvwxyz'];
const metaspace = { type: 'Metaspace', replacement: '▁', add_prefix_space: true, prepend_scheme: 'always' };

export const TINY_UNIGRAM = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: ['<pad>', '</s>', '<unk>'].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace] },
  post_processor: null,
  decoder: metaspace,
  model: { type: 'Unigram', unk_id: 2, vocab: PIECES.map((piece, id) => [piece, id < 3 ? 0 : -2]) },
};
