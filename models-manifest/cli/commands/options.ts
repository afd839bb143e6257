/** Option parsers that the commands share. */
import { type Command, InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { type Console, openConsole } from '../console.ts';
import { Store } from '../store.ts';

export interface GlobalOptions {
  json: boolean;
  store: string;
}

export function consoleOf(command: Command): Console {
  return openConsole(command.optsWithGlobals<GlobalOptions>().json);
}

export function storeOf(command: Command): Store {
  return new Store(command.optsWithGlobals<GlobalOptions>().store);
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

export function decimal(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number.');
}

/** A parser of `NAME=VALUE` for a schema of settings, each added to those before it; `NAME.FIELD=VALUE` for one that has fields. */
export function setting<S extends v.GenericSchema>(schema: S): (text: string, before?: v.InferInput<S>) => v.InferInput<S> {
  return (text, before) => {
    const [, name = '', field, value = ''] = /^([^=.]*)(?:\.([^=]*))?=?(.*)$/.exec(text)!;
    const known = before as Record<string, object | undefined> | undefined;
    const settings = { ...known, [name]: field === undefined ? literal(value) : { ...known?.[name], [field]: literal(value) } };
    const parsed = v.safeParse(schema, settings);
    if (parsed.success) return settings;
    throw new InvalidArgumentError(`${field === undefined ? name : `${name}.${field}`}: ${parsed.issues[0].message}.`);
  };
}

/** A number or a boolean where the text is one. */
function literal(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) ? value : text;
}

/** Fires at Ctrl-C, once: a second Ctrl-C ends the process. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}
