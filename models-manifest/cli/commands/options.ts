/** Option parsers that the commands share. */
import { type Command, InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { RuleSettings } from '../../../shared/rules.ts';
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

/** `NAME=VALUE` of a fusion rule, added to those before it. */
export function ruleSetting(text: string, before: RuleSettings = {}): RuleSettings {
  const [, name = '', value = ''] = /^([^=]*)=?(.*)$/.exec(text)!;
  const parsed = v.safeParse(RuleSettings, { ...before, [name]: literal(value) });
  if (parsed.success) return { ...before, [name]: literal(value) };
  throw new InvalidArgumentError(`${name}: ${parsed.issues[0].message}.`);
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
