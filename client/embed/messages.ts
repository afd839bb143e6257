/**
 * What the host page's element and the studio in its iframe say to each other. The first message goes to the window, with a port; everything
 * after goes over that port. All of it survives structured clone.
 */
import type { ErrorCode, ErrorDetails } from '../../shared/errors.ts';
import type { Scores } from '../../shared/protocol.ts';
import type { RuleName } from '../../shared/rules.ts';

/** What a site owner fixes by attributes; what is undefined is left to the visitor and the model. */
export interface StudioOptions {
  subject: string | undefined;
  style: string | undefined;
  prompt: string | undefined;
  seed: number | undefined;
  steps: number | undefined;
  theme: Theme | undefined;
  telemetry: 'on' | 'off' | undefined;
  rule: RuleName | undefined;
  subjectStrength: number | undefined;
  styleStrength: number | undefined;
  /** Eta of metric guidance; 0 is off. */
  guidance: number | undefined;
}

export const STRENGTH_MAX = 2;
/** Latents have unit variance: steps longer than this leave the pictures that the model knows. */
export const ETA_MAX = 0.2;

export const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

/** Element -> studio window, with one port. The studio answers `ready` over it, or not at all when the origin is not allowed. */
export interface ConnectMessage {
  type: 'diptych-connect';
  options: StudioOptions;
}

/** Edge's page in place of the studio -> element's window: this host page may not embed the studio. */
export interface RefusedMessage {
  type: 'diptych-refused';
  code: ErrorCode;
  message: string;
}

/** Element -> studio. */
export type HostMessage = { type: 'options'; options: StudioOptions } | { type: 'generate' } | { type: 'cancel' };

/** How far a run is, apart from its steps. `consent`: the visitor is asked whether `bytes` may be downloaded, and nothing goes on before. */
export type RunProgress =
  | { phase: 'consent'; bytes: number }
  | { phase: 'download'; loaded: number; total: number; secondsLeft: number | null }
  /** The edge asks for less haste; the download goes on by itself. */
  | { phase: 'pause'; seconds: number }
  | { phase: 'prepare'; index: number; count: number }
  | { phase: 'decode' };

export interface StepProgress {
  step: number;
  steps: number;
  secondsLeft: number;
  /** With guidance: how near the picture is so far to each metric's reference, as a cosine. */
  scores?: Scores;
}

/** A finished picture, as a PNG. */
export interface Picture {
  blob: Blob;
  seed: number;
  width: number;
  height: number;
}

/** Studio -> element. `requested` tells the host page's own runs from those that the visitor started. */
export type StudioMessage =
  | { type: 'ready' }
  | { type: 'resize'; height: number }
  | { type: 'progress'; progress: RunProgress }
  | { type: 'step'; progress: StepProgress }
  | { type: 'complete'; picture: Picture; requested: boolean }
  | { type: 'error'; error: { code: ErrorCode; message: string; details: ErrorDetails }; requested: boolean };
