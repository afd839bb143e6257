import { COMPONENTS } from '../../../shared/lora/lora.ts';
import type { BaseLayers } from '../../../shared/lora/read.ts';
import { FILE_COMPONENTS, type FileComponent, LAYER_TYPES, layerType, type LayerType } from './layer-type.ts';

/** How many layers of one type a LoRA changes. */
export interface Coverage {
  component: FileComponent;
  type: LayerType;
  covered: number;
  /** How many the base has; `null` where no base was given. */
  of: number | null;
}

type Layer = Pick<Coverage, 'component' | 'type'>;

/** Every component and type that the base or the LoRA has. */
export function coverageOf(layers: readonly Layer[], base: BaseLayers | undefined): Coverage[] {
  const all =
    base &&
    COMPONENTS.flatMap((component) => (base[component] ?? []).map(({ module, kind }) => ({ component, type: layerType(module, kind) })));
  const count = (list: readonly Layer[], component: FileComponent, type: LayerType) =>
    list.filter((layer) => layer.component === component && layer.type === type).length;
  return FILE_COMPONENTS.flatMap((component) =>
    LAYER_TYPES.map((type) => ({
      component,
      type,
      covered: count(layers, component, type),
      of: all ? count(all, component, type) : null,
    })),
  ).filter(({ covered, of }) => covered + (of ?? 0) > 0);
}
