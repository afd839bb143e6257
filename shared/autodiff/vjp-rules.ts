/** The formula sheet: every operator that can be differentiated, by section. An export of a section is the rule of the operator of its name. */
import type { VjpRule } from './backward.ts';
import * as activation from './rules/activation.ts';
import * as elementwise from './rules/elementwise.ts';
import * as indexed from './rules/indexed.ts';
import * as loss from './rules/loss.ts';
import * as matrix from './rules/matrix.ts';
import * as movement from './rules/movement.ts';
import * as normalise from './rules/normalise.ts';
import * as reduce from './rules/reduce.ts';
import * as spatial from './rules/spatial.ts';

/** Rules by operator, for the standard domain and the few of `com.microsoft` that exporters write. */
export const VJP_RULES: Readonly<Record<string, VjpRule>> = {
  ...elementwise,
  ...activation,
  ...matrix,
  ...movement,
  ...indexed,
  ...normalise,
  ...reduce,
  ...spatial,
  ...loss,
};

/** A gradient stops at these on purpose: their outputs are indices, shapes or conditions, or have no slope. */
export const NON_DIFFERENTIABLE: ReadonlySet<string> = new Set([
  'And',
  'ArgMax',
  'ArgMin',
  'Bernoulli',
  'Ceil',
  'Constant',
  'ConstantOfShape',
  'Equal',
  'EyeLike',
  'Floor',
  'Greater',
  'GreaterOrEqual',
  'IsInf',
  'IsNaN',
  'Less',
  'LessOrEqual',
  'NonZero',
  'Not',
  'OneHot',
  'Or',
  'RandomNormalLike',
  'RandomUniformLike',
  'Range',
  'Round',
  'Shape',
  'Sign',
  'Size',
  'Xor',
]);
