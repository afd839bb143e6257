import { access } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import type { TextEncoderName } from '../../../shared/manifest.ts';
import { toBytes } from '../../../shared/onnx/constant-values.ts';
import { elementCount } from '../../../shared/onnx/data-type.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { encodersOf, type Family } from './families.ts';
import { fixDims, inputNames } from './fix-dims.ts';
import { readConfig } from './read-config.ts';
import { type Part, readPart } from './read-part.ts';
import { type PipelineText, readText } from './read-text.ts';

export const TEXT_FOLDERS: Record<TextEncoderName, { encoder: string; tokenizer: string }> = {
  textEncoder: { encoder: 'text_encoder', tokenizer: 'tokenizer' },
  textEncoder2: { encoder: 'text_encoder_2', tokenizer: 'tokenizer_2' },
  textEncoder3: { encoder: 'text_encoder_3', tokenizer: 'tokenizer_3' },
};

export interface TextEncoderPart extends Part, PipelineText {
  /** `num_hidden_layers` of its config, where there is one. */
  layers: number | undefined;
}

/**
 * The text encoders that a family reads, as they are, with their tokenizers.
 *
 * @throws DiptychError `pipeline_incomplete` naming the file that is missing
 */
export async function readEncoders(root: string, family: Family): Promise<Map<TextEncoderName, TextEncoderPart>> {
  const parts = new Map<TextEncoderName, TextEncoderPart>();
  for (const [name] of encodersOf(family)) {
    const { encoder, tokenizer } = TEXT_FOLDERS[name];
    if (name === family.optional && !(await hasEncoder(root, name))) continue;
    const part = await readPart(root, [encoder]);
    const text = await readText(root, tokenizer);
    const config = await readConfig(root, `${encoder}/config.json`, v.looseObject({ num_hidden_layers: v.optional(v.number()) }));
    parts.set(name, { ...part, ...text, layers: config?.num_hidden_layers });
  }
  return parts;
}

export const hasEncoder = (root: string, name: TextEncoderName): Promise<boolean> =>
  access(path.join(root, TEXT_FOLDERS[name].encoder)).then(
    () => true,
    () => false,
  );

/**
 * A text encoder for texts of `tokens` ids, `batch` of them. A mask among its inputs becomes all ones, as the public pipelines run it: padding is read.
 *
 * @throws DiptychError `graph_unsupported` for any other input
 */
export async function fixEncoder(part: Part, tokens: number, batch = 2): Promise<Model> {
  const dims = [batch, tokens];
  const [ids, ...others] = inputNames(part).toSorted((a) => (a === 'input_ids' ? -1 : 0));
  const unknown = others.filter((name) => name !== 'attention_mask');
  if (ids === undefined || unknown.length > 0) {
    throw new DiptychError(
      'graph_unsupported',
      `${part.file} has the inputs ${inputNames(part).join(', ')}; a text encoder reads input_ids`,
      {
        inputs: inputNames(part),
      },
    );
  }
  return fixDims({ ...part, model: others.length > 0 ? withOnes(part.model, 'attention_mask', dims) : part.model }, { [ids]: dims });
}

function withOnes(model: Model, input: string, dims: number[]): Model {
  const { dataType } = model.graph.inputs.find(({ name }) => name === input)!.type;
  const ones = Array<number>(elementCount(dims)).fill(1);
  const bytes = toBytes(dataType, dataType === 'int64' ? ones.map(BigInt) : ones);
  if (!bytes) throw new DiptychError('graph_unsupported', `the input ${input} is ${dataType}, which no mask is`, { input });
  const initializers = new Map(model.graph.initializers).set(input, { dataType, dims, data: { kind: 'inline', bytes } });
  return { ...model, graph: { ...model.graph, initializers } };
}
