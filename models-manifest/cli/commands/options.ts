/** Option parsers that the commands share. */
import { type Command, InvalidArgumentError } from 'commander';
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

/** Fires at Ctrl-C, once: a second Ctrl-C ends the process. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}
