import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';

/**
 * A JSON file of a pipeline folder; `undefined` where it is absent.
 *
 * @throws DiptychError `pipeline_incomplete` naming file and field
 */
export async function readConfig<S extends v.GenericSchema>(root: string, name: string, schema: S): Promise<v.InferOutput<S> | undefined> {
  const file = path.join(root, name);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(withoutInfinities(text));
  } catch (cause) {
    throw new DiptychError('pipeline_incomplete', `${file} is not JSON`, { file }, { cause });
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? 'the whole';
  throw new DiptychError('pipeline_incomplete', `${file}: ${field}: ${issue.message}`, { file, field });
}

/** Python writes numbers that JSON lacks: `lambda_min_clipped` of a DPM-Solver's config is one. */
const withoutInfinities = (text: string): string => text.replaceAll(/(:\s*)-?(?:Infinity|NaN)(?=\s*[,}])/g, '$1null');

/** The same, of a file that must be there; `why` says what for. */
export async function requireConfig<S extends v.GenericSchema>(
  root: string,
  name: string,
  schema: S,
  why = 'export the pipeline in the layout of public ONNX exports',
): Promise<v.InferOutput<S>> {
  const value = await readConfig(root, name, schema);
  if (value !== undefined) return value;
  throw new DiptychError('pipeline_incomplete', `${root} has no ${name}; ${why}`, { file: name });
}
