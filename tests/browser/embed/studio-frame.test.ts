import { afterEach, describe, expect, it } from 'vitest';
import { readOptions } from '../../../client/embed/attributes.ts';
import type { StudioMessage } from '../../../client/embed/messages.ts';
import { connectStudio } from '../../../client/embed/studio-frame.ts';
import { HostLink } from '../../../client/embed/studio/host-link.ts';

const options = readOptions((name) => (name === 'seed' ? '9' : null));

/** A frame of this page's own origin, whose window the test itself plays. */
function openFrame(): HTMLIFrameElement {
  const frame = document.createElement('iframe');
  frame.srcdoc = '<!doctype html>';
  document.body.append(frame);
  return frame;
}

function connect(frame: HTMLIFrameElement, { answerMs = 20_000, signal = new AbortController().signal } = {}) {
  const heard: StudioMessage[] = [];
  const opened = connectStudio({ edge: location.origin, frame, options, onMessage: (message) => heard.push(message), answerMs }, signal);
  return { heard, opened };
}

/** The studio's own end of the wire, in `frame`. */
function studioIn(frame: HTMLIFrameElement, origins: string[]) {
  const calls: unknown[] = [];
  const link = new HostLink({
    window: frame.contentWindow!,
    origins,
    onOptions: (given) => calls.push(['options', given]),
    onGenerate: () => calls.push(['generate']),
    onCancel: () => calls.push(['cancel']),
  });
  return { link, calls };
}

async function loaded(frame: HTMLIFrameElement): Promise<void> {
  await new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
}

afterEach(() => document.body.replaceChildren());

describe('wire between element and studio', () => {
  it('opens with the options and carries messages both ways', async () => {
    const frame = openFrame();
    const before = loaded(frame);
    // Before the element's own listener, as the studio's script runs before its frame's load event.
    const studio = before.then(() => studioIn(frame, [location.origin]));
    const { heard, opened } = connect(frame);
    const [connection, { link, calls }] = await Promise.all([opened, studio]);
    connection.send({ type: 'generate' });
    connection.send({ type: 'cancel' });
    await expect.poll(() => calls).toEqual([['options', options], ['generate'], ['cancel']]);
    link.resize(420);
    await expect.poll(() => heard).toEqual([{ type: 'ready' }, { type: 'resize', height: 420 }]);
  });

  it('reaches nobody from an origin that the site does not allow, and is told so', async () => {
    const frame = openFrame();
    const refusal = new Promise((resolve) => window.addEventListener('message', ({ data }) => resolve(data), { once: true }));
    const studio = loaded(frame).then(() => studioIn(frame, ['https://elsewhere.example']));
    const life = new AbortController();
    const { heard, opened } = connect(frame, { signal: life.signal });
    expect(await refusal).toMatchObject({ type: 'diptych-refused', code: 'origin_not_allowed' });
    expect([(await studio).calls, heard]).toEqual([[], []]);
    life.abort();
    await expect(opened).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('passes on the edge’s refusal', async () => {
    const frame = openFrame();
    const { opened } = connect(frame);
    await loaded(frame);
    const script = frame.contentDocument!.createElement('script');
    script.textContent = `parent.postMessage({ type: 'diptych-refused', code: 'site_disabled', message: 'Disabled.' }, '*')`;
    frame.contentDocument!.body.append(script);
    await expect(opened).rejects.toMatchObject({ code: 'site_disabled', message: 'Disabled.' });
  });

  it('does not believe a refusal from another window', async () => {
    const { opened } = connect(openFrame(), { answerMs: 300 });
    window.postMessage({ type: 'diptych-refused', code: 'site_disabled', message: 'Not the studio.' }, '*');
    await expect(opened).rejects.toMatchObject({ code: 'embed_unreachable' });
  });

  it('gives up on silence, naming what to check', async () => {
    const { opened } = connect(openFrame(), { answerMs: 100 });
    await expect(opened).rejects.toMatchObject({
      code: 'embed_unreachable',
      message: expect.stringContaining(`frame-src ${location.origin}`),
    });
  });

  it('ends when the element is taken away', async () => {
    const life = new AbortController();
    const { opened } = connect(openFrame(), { signal: life.signal });
    life.abort();
    await expect(opened).rejects.toMatchObject({ code: 'cancelled' });
  });
});
