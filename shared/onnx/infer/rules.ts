import { elementCount } from '../data-type.ts';
import { CREATE_RULES } from './create.ts';
import { ELEMENTWISE_RULES } from './elementwise.ts';
import { MATRIX_RULES } from './matrix.ts';
import { MOVEMENT_RULES } from './movement.ts';
import { REDUCE_RULES } from './reduce.ts';
import type { Call, ShapeRule, StaticType } from './rule.ts';
import { SPATIAL_RULES } from './spatial.ts';

const RULES = new Map<string, ShapeRule>(
  [ELEMENTWISE_RULES, MOVEMENT_RULES, CREATE_RULES, MATRIX_RULES, SPATIAL_RULES, REDUCE_RULES].flatMap((rules) =>
    Object.entries<ShapeRule>(rules),
  ),
);

/**
 * The types of a node's outputs; `undefined` where no rule knows the operator or the rule cannot tell.
 *
 * @throws onnx_invalid where the inputs cannot go together
 */
export function inferTypes(call: Call): StaticType[] | undefined {
  const { domain, opType } = call.node;
  const types = RULES.get(domain === '' ? opType : `${domain}.${opType}`)?.(call);
  for (const { dims } of types ?? []) {
    const possible = dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) && Number.isSafeInteger(elementCount(dims));
    if (!possible) throw call.invalid(`its output would have the shape [${dims.join(',')}]`);
  }
  return types;
}
