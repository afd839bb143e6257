import { DiptychError } from '../../errors.ts';
import { constantRule, type Rule } from './rule.ts';

/**
 * B-LoRA's filter (Frenkel et al. 2024, arXiv 2403.14572): the subject acts in the block that carries content, the style in the one that carries
 * style, no LoRA elsewhere. In SDXL these are `up_blocks.0.attentions.0` and `.1`; in a base without them, the first two attentions of the
 * first up block that has two. A text encoder has no such blocks: both LoRAs act there.
 *
 * @throws DiptychError `request_invalid` where the base has no such blocks and none are given
 */
export const block: Rule = ({ component, pair, modules, settings }) => {
  if (component !== 'denoiser') return constantRule(pair, () => 'both');
  const found = upAttentions(modules);
  const subject = settings.subjectBlock ?? found[0];
  const style = settings.styleBlock ?? found[1];
  if (subject === undefined || style === undefined) {
    const reason = 'the rule block finds no up block with two attentions in this base; name the blocks by subjectBlock and styleBlock';
    throw new DiptychError('request_invalid', reason, { field: 'ruleSettings' });
  }
  return constantRule(pair, (module) => (within(module, subject) ? 'subject' : within(module, style) ? 'style' : 'neither'));
};

const within = (module: string, prefix: string): boolean => module === prefix || module.startsWith(`${prefix}.`);

/** The first two attentions of the first up block that has two. */
function upAttentions(modules: readonly string[]): string[] {
  const blocks = new Map<string, Set<string>>();
  for (const module of modules) {
    const match = /^(up_blocks\.\d+)\.attentions\.\d+/.exec(module);
    if (match) blocks.set(match[1]!, (blocks.get(match[1]!) ?? new Set()).add(match[0]));
  }
  const [first] = [...blocks].filter(([, attentions]) => attentions.size > 1).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return first ? [...first[1]].toSorted() : [];
}
