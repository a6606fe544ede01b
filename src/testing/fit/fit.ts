/**
 * From the events of a log to models of the providers in it, and how far they are off. The one
 * idea: time is cut into stretches, of which every fifth is held out; what the others say is the
 * model, and the difference to what was held out is its error.
 * Deliberately unknown here: where events come from, and files.
 */
import { domainOf } from '../../domain/address.ts';
import type { FitError } from '../models/fit-report.ts';
import type { ProviderModel, ProviderModels } from '../models/model.ts';
import { MODELS_FORMAT } from '../models/model.ts';
import { quantilesOf } from '../models/quantiles.ts';
import { Chance } from '../world/chance.ts';
import type { Attempt, FitEvent } from './attempts.ts';
import { AttemptReader } from './attempts.ts';
import { errorOf, overall } from './error.ts';
import type { Limits } from './limits.ts';
import { LimitWatch } from './limits.ts';
import { sharesOf, Tally } from './tally.ts';

/** What is fitted, and from when to when. */
export interface FitOptions {
  /** Attempts that a site needs for a model of its own (100). */
  readonly min?: number | undefined;
  /** The time of the first and of the last event. */
  readonly span: { readonly from: number; readonly to: number };
}

/** Attempts that a site needs for a model of its own. */
export const FIT_MIN = 100;
/** Sites with a model of their own; those that appear later are `others`. */
const SITES_MAX = 1_000;
const DOMAINS_MAX = 10_000;
const PLACES_MAX = 16;
/** Stretches that the time is cut into, of which every fifth is held out. */
const STRETCHES = 50;
const HELD_EVERY = 5;

/** What is gathered of one site. */
class Site {
  readonly name: string;
  readonly fitted = new Tally();
  readonly held = new Tally();
  readonly watch = new LimitWatch();
  readonly domains = new Set<string>();
  readonly hosts = new Set<string>();
  readonly addresses = new Set<string>();
  hasTls = false;

  constructor(name: string) {
    this.name = name;
  }

  get attempts(): number {
    return this.fitted.attempts + this.held.attempts;
  }
}

/** Takes the events of a log, in order; `finish` answers the models. */
export class Fitter {
  readonly #options: FitOptions;
  readonly #sites = new Map<string, Site>();
  readonly #beyond = new Site('others');
  readonly #reader = new AttemptReader((attempt) => this.#see(attempt));
  readonly #chance = new Chance(1);
  #messages = 0;
  #domainsLeftOut = 0;
  #domains = 0;

  constructor(options: FitOptions) {
    this.#options = options;
  }

  hear(event: FitEvent): void {
    if (event.type === 'message.accepted') this.#messages += 1;
    this.#reader.hear(event);
  }

  #see(attempt: Attempt): void {
    const site = this.#siteOf(attempt.site);
    const { from, to } = this.#options.span;
    const stretch = Math.floor(((attempt.at - from) / Math.max(1, to - from)) * STRETCHES);
    const tally = stretch % HELD_EVERY === HELD_EVERY - 1 ? site.held : site.fitted;
    tally.count(attempt, this.#chance);
    site.watch.see(attempt);
    if (attempt.tls !== '') site.hasTls = true;
    if (site !== this.#beyond) this.#notePlaces(site, attempt);
  }

  #siteOf(name: string): Site {
    const known = this.#sites.get(name);
    if (known !== undefined) return known;
    if (this.#sites.size >= SITES_MAX) return this.#beyond;
    const site = new Site(name);
    this.#sites.set(name, site);
    return site;
  }

  #notePlaces({ domains, hosts, addresses }: Site, { peer, answered }: Attempt): void {
    for (const { to } of answered) {
      for (const one of to) {
        const domain = domainOf(one);
        if (domains.has(domain)) continue;
        if (this.#domains >= DOMAINS_MAX) this.#domainsLeftOut += 1;
        else {
          this.#domains += 1;
          domains.add(domain);
        }
      }
    }
    const [, name, address] = PEER.exec(peer) ?? [];
    if (name === undefined || address === undefined) return;
    const isNamed = name !== address && hosts.size < PLACES_MAX;
    if (isNamed) hosts.add(name.toLowerCase());
    else if (addresses.size < PLACES_MAX) addresses.add(address);
  }

  /** The models of all that was heard. */
  finish(): ProviderModels {
    this.#reader.end();
    const { min = FIT_MIN, span } = this.#options;
    const sites = [...this.#sites.values()];
    const own = sites.filter(({ attempts }) => attempts >= min);
    const rest = this.#beyond;
    for (const site of sites) {
      if (site.attempts >= min) continue;
      rest.fitted.join(site.fitted, this.#chance);
      rest.held.join(site.held, this.#chance);
      rest.hasTls ||= site.hasTls;
    }
    const errors: Record<string, FitError> = {};
    const models = own.map((site) => fitSite(site, site.watch.find(), errors));
    const others = rest.attempts === 0 ? undefined : fitSite(rest, { explained: [] }, errors);
    return {
      waybill_models: MODELS_FORMAT,
      models,
      ...(others === undefined ? {} : { others }),
      fit: {
        from: new Date(span.from).toISOString(),
        to: new Date(span.to).toISOString(),
        messages: this.#messages,
        attempts: sites.reduce((sum, { attempts }) => sum + attempts, 0),
        error: overall(Object.values(errors)),
        sites: errors,
        notes: this.#notes(sites.length - own.length, min),
      },
    };
  }

  #notes(pooled: number, min: number): readonly string[] {
    const notes: string[] = [];
    if (pooled > 0) notes.push(`${pooled} sites with fewer than ${min} attempts are in 'others'`);
    if (this.#sites.size >= SITES_MAX) {
      notes.push(`sites beyond the first ${SITES_MAX} are in 'others'`);
    }
    if (this.#domainsLeftOut > 0) {
      const what = `${DOMAINS_MAX} domains are listed; further ones behave as 'others'`;
      notes.push(what);
    }
    return notes;
  }
}

const PEER = /^(\S+) \[?([^\]]*?)\]?:\d+$/;

function fitSite(site: Site, limits: Limits, errors: Record<string, FitError>): ProviderModel {
  const { fitted, held, name } = site;
  const { explained, ...bounds } = limits;
  for (const { phase, key } of explained) {
    fitted.without(phase, key);
    held.without(phase, key);
  }
  const latency_ms = {
    connect: quantilesOf(fitted.connect.samples),
    transaction: quantilesOf(fitted.transaction.samples),
    refusal: quantilesOf(fitted.refusal.samples),
  };
  errors[name] = errorOf(fitted, held, latency_ms);
  return {
    site: name,
    domains: [...site.domains],
    hosts: [...site.hosts],
    addresses: [...site.addresses],
    tls: site.hasTls ? 'valid' : 'none',
    latency_ms,
    replies: sharesOf(fitted),
    ...bounds,
  };
}

/** Fits models to events in order. */
export function fitModels(events: Iterable<FitEvent>, options: FitOptions): ProviderModels {
  const fitter = new Fitter(options);
  for (const event of events) fitter.hear(event);
  return fitter.finish();
}
