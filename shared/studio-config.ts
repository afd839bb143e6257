/** What the edge writes into the studio page, as the text of `<script type="application/json" id="diptych-config">`. */
export interface StudioConfig {
  /** The site key: `pk_...`. */
  site: string;
  /** Patterns of the origins that may talk to this page, for `originAllowed`. */
  origins: string[];
  /** Where telemetry goes, with the site key: a path on the edge's own origin. */
  telemetry: string;
  /** What to ask before each picture, where the site has so many a day: a path likewise. */
  generations?: string;
}

export const STUDIO_CONFIG_ID = 'diptych-config';
