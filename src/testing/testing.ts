/**
 * `waybill/testing`: what the author of a policy imports to try it in a simulated world. The one
 * idea: one name for the whole kit; what is not here is not promised.
 * Nothing of it is loaded by a daemon.
 */
// biome-ignore-all lint/performance/noBarrelFile: an author imports from one name.
export type { Material } from './arbitrary.ts';
export { arbitrary } from './arbitrary.ts';
export type { Checked, CheckOptions, Counterexample } from './checking.ts';
export { checkPolicy } from './checking.ts';
export type { DayReport } from './day/report.ts';
export type { DayOrder, DayReceivers } from './day/simulate-day.ts';
export { simulateDay } from './day/simulate-day.ts';
export type { FitEvent } from './fit/attempts.ts';
export type { FitOptions } from './fit/fit.ts';
export { fitModels } from './fit/fit.ts';
export type { FitLogOptions } from './fit/fit-log.ts';
export { fitLog } from './fit/fit-log.ts';
export type { PathState, QueueState, SourceState, Standing } from './history.ts';
export { recount } from './history.ts';
export { assertHolds, lawNamed } from './holding.ts';
export type { Breach, Law } from './laws/law.ts';
export type { Broken } from './laws/laws.ts';
export { findBroken, laws } from './laws/laws.ts';
export type { TenantPools } from './laws/policy.ts';
export { tenantsKeepToTheirPools } from './laws/policy.ts';
export type { TestPolicy } from './load-policy.ts';
export { loadPolicy } from './load-policy.ts';
export type { Fit, FitError } from './models/fit-report.ts';
export type { ProviderModel, ProviderModels, ReplyShare } from './models/model.ts';
export { placeModels } from './models/placing.ts';
export { readModels } from './models/reading.ts';
export type { Happening, MessageOutcome, Observed, Sent } from './result.ts';
export { Result } from './result.ts';
export type { BehaviourName, Scenario, SendStep, Step } from './scenario.ts';
export type { SimulateOptions } from './simulate.ts';
export { simulate } from './simulate.ts';
export type { SinkBehaviour } from './sinks/moods.ts';
export type { Backlog, Given, GivenFate, SinkSeen } from './sinks/seen.ts';
export type { TimelineOptions } from './timeline.ts';
export { timeline } from './timeline.ts';
export type { OpenLines, TrafficSurvey } from './traffic/traffic.ts';
export { surveyTraffic, TrafficError } from './traffic/traffic.ts';
export { Reached } from './watching.ts';
