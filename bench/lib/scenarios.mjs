// The table of scenarios: what is run, on whom, and the bars. A new one is one more entry.

import { kManyRoutes, routePath } from './routes.mjs'
import { kManyClusters } from './xds.mjs'

/** @typedef {import("./jobs.mjs").Job} Job */
/**
 * A bound on the subject (Nuncio).
 * @typedef {{ ratioTo: string, figure?: string, variant?: string, atMost: number }} RatioBar
 *   subject ÷ that peer in the scenario's figure or another; "best" is the best of nginx, HAProxy and Envoy
 * @typedef {{ variants: [string, string], figure?: string, atMost: number }} VariantBar
 *   the subject's first variant ÷ its second, in the scenario's figure or another
 * @typedef {{ figure: string, variant?: string, unit: string, atMost: number }} FigureBar
 * @typedef {RatioBar | VariantBar | FigureBar} Bar
 */
/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {string} path
 * @property {number} [workers]
 * @property {{ count: number, objects?: number }} [filters]  in TypeScript (Envoy: in Lua)
 * @property {import("./xds-plane.mjs").Dialect} [dialect]  of the control plane
 */
/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {"load" | "idle" | "start" | "xds"} method
 * @property {Job} job
 * @property {string[]} peers
 * @property {string} figure        what is compared, one of the method's figures
 * @property {string} unit
 * @property {Variant[]} variants
 * @property {import("./load.mjs").LoadPlan} [load]
 * @property {number} [connections] of the method `idle`
 * @property {"proxy" | "both"} cores  where the proxy runs
 * @property {Bar[]} bars
 */

export const kRealPeers = ['nginx', 'haproxy', 'envoy']
const kAll = ['relay', ...kRealPeers, 'nuncio']
const kProxies = [...kRealPeers, 'nuncio']

/** @param {string} script @param {number} connections @returns {import("./load.mjs").LoadPlan} */
function wrk(script, connections) {
  return { tool: 'wrk', script, connections }
}

/** Many requests at a time on few connections: what multiplexing is for. @type {import("./load.mjs").LoadPlan} */
const kStreams = { tool: 'h2load', connections: 16, streams: 32 }

/** @param {"full" | "resumed"} handshake @returns {import("./load.mjs").LoadPlan} */
function handshakes(handshake) {
  return { tool: 'tls', handshake, connections: 64 }
}

/** @param {string} path @returns {Variant[]} */
function one(path) {
  return [{ name: '', path }]
}

const kCpu = /** @type {const} */ ({ method: 'load', figure: 'cpuUs', unit: 'µs', cores: 'proxy' })

/** @type {Bar[]} */
const kSmallBars = [
  { ratioTo: 'nginx', atMost: 0.85 },
  { ratioTo: 'haproxy', atMost: 0.85 },
  { ratioTo: 'envoy', atMost: 0.3 },
  { ratioTo: 'relay', atMost: 1.3 },
]

/** @type {Scenario[]} */
export const kScenarios = [
  {
    ...kCpu,
    name: 'small-64',
    title: 'HTTP/1.1, 65-byte body, 64 connections',
    job: 'http',
    peers: kAll,
    variants: one('/'),
    load: wrk('keep-alive.lua', 64),
    bars: kSmallBars,
  },
  {
    ...kCpu,
    name: 'small-256',
    title: 'HTTP/1.1, 65-byte body, 256 connections',
    job: 'http',
    peers: kAll,
    variants: one('/'),
    load: wrk('keep-alive.lua', 256),
    bars: kSmallBars,
  },
  {
    ...kCpu,
    name: 'medium',
    title: 'HTTP/1.1, 10 KiB body, 64 connections',
    job: 'http',
    peers: kAll,
    variants: one('/10k'),
    load: wrk('keep-alive.lua', 64),
    bars: [],
  },
  {
    ...kCpu,
    name: 'large',
    title: 'HTTP/1.1, 1 MiB body, 16 connections',
    job: 'http',
    peers: kAll,
    variants: one('/1m'),
    load: wrk('keep-alive.lua', 16),
    bars: [{ ratioTo: 'best', atMost: 0.85 }],
  },
  {
    // Not for the relay: it opens an upstream connection for each of the client's, so its job is another.
    ...kCpu,
    name: 'new-connection',
    title: 'HTTP/1.1, new connection for each request, 64 at a time',
    job: 'http',
    peers: kProxies,
    variants: one('/'),
    load: wrk('close.lua', 64),
    bars: [{ ratioTo: 'nginx', atMost: 1.0 }],
  },
  {
    ...kCpu,
    name: 'h2-h1',
    title: 'HTTP/2 down, HTTP/1.1 up, small, 16 connections × 32 streams',
    job: 'h2-h1',
    peers: kProxies,
    variants: one('/'),
    load: kStreams,
    bars: [{ ratioTo: 'best', atMost: 0.9 }],
  },
  {
    ...kCpu,
    name: 'h2-h2',
    title: 'HTTP/2 down, HTTP/2 up, small, 16 connections × 32 streams',
    job: 'h2-h2',
    peers: kProxies,
    variants: one('/'),
    load: kStreams,
    bars: [{ ratioTo: 'best', atMost: 1.0 }],
  },
  {
    ...kCpu,
    name: 'tls-keepalive',
    title: 'TLS 1.3, HTTP/1.1, 65-byte body, 64 connections',
    job: 'tls',
    peers: kProxies,
    variants: one('/'),
    load: wrk('keep-alive.lua', 64),
    bars: [{ ratioTo: 'best', atMost: 0.9 }],
  },
  {
    ...kCpu,
    name: 'tls-large',
    title: 'TLS 1.3, HTTP/1.1, 1 MiB body, 16 connections',
    job: 'tls',
    peers: kProxies,
    variants: one('/1m'),
    load: wrk('keep-alive.lua', 16),
    bars: [{ ratioTo: 'best', atMost: 1.0 }],
  },
  {
    ...kCpu,
    name: 'tls-handshake',
    title: 'TLS 1.3, a full handshake for each request, ECDSA P-256, 64 at a time',
    job: 'tls',
    peers: kProxies,
    variants: one('/'),
    load: handshakes('full'),
    bars: [{ ratioTo: 'nginx', atMost: 1.0 }],
  },
  {
    ...kCpu,
    name: 'tls-handshake-rsa',
    title: 'the same with RSA 2048',
    job: 'tls-rsa',
    peers: kProxies,
    variants: one('/'),
    load: handshakes('full'),
    bars: [{ ratioTo: 'nginx', atMost: 1.0 }],
  },
  {
    ...kCpu,
    name: 'tls-resumed',
    title: 'TLS 1.3, a resumed session for each request, 64 at a time',
    job: 'tls',
    peers: kProxies,
    variants: one('/'),
    load: handshakes('resumed'),
    bars: [{ ratioTo: 'nginx', atMost: 1.0 }],
  },
  {
    ...kCpu,
    name: 'filters',
    title: 'HTTP/1.1 small, 64 connections, filters that read one header and set one',
    job: 'http',
    peers: ['nginx', 'envoy', 'nuncio'],
    variants: [
      { name: 'none', path: '/' },
      { name: 'one', path: '/', filters: { count: 1 } },
      { name: 'three', path: '/', filters: { count: 3 } },
      { name: 'ten objects', path: '/', filters: { count: 1, objects: 10 } },
      { name: 'native route', path: '/native', filters: { count: 1 } },
    ],
    load: wrk('keep-alive.lua', 64),
    bars: [
      { variants: ['one', 'none'], atMost: 1.05 },
      { variants: ['three', 'none'], atMost: 1.12 },
      { variants: ['native route', 'none'], atMost: 1.02 },
      { variants: ['ten objects', 'none'], figure: 'p99Us', atMost: 1.5 },
      { variants: ['ten objects', 'none'], figure: 'p999Us', atMost: 1.5 },
    ],
  },
  {
    ...kCpu,
    name: 'tcp-small',
    title: 'TCP proxy, small messages, 64 connections',
    job: 'tcp',
    peers: kAll,
    variants: one('/'),
    load: wrk('keep-alive.lua', 64),
    bars: [{ ratioTo: 'best', atMost: 1.05 }],
  },
  {
    ...kCpu,
    name: 'tcp-large',
    title: 'TCP proxy, 1 MiB, 16 connections',
    job: 'tcp',
    peers: kAll,
    variants: one('/1m'),
    load: wrk('keep-alive.lua', 16),
    bars: [{ ratioTo: 'best', atMost: 1.0 }],
  },
  {
    ...kCpu,
    name: 'routes',
    title: `${kManyRoutes} prefix routes`,
    job: 'routes',
    peers: kProxies,
    load: wrk('keep-alive.lua', 64),
    variants: [
      { name: 'first', path: routePath(0) },
      { name: 'last', path: routePath(kManyRoutes - 1) },
    ],
    bars: [{ variants: ['last', 'first'], atMost: 1.05 }],
  },
  {
    // Both variants on both cores, which the load generator uses too: equal conditions for the two.
    ...kCpu,
    name: 'workers',
    title: 'two workers beside one, 256 connections',
    cores: 'both',
    job: 'http',
    peers: kProxies,
    load: wrk('keep-alive.lua', 256),
    variants: [
      { name: '1 worker', path: '/', workers: 1 },
      { name: '2 workers', path: '/', workers: 2 },
    ],
    bars: [
      { variants: ['2 workers', '1 worker'], atMost: 1.05 },
      // 256 connections fall 128 ± 8 on each of two sockets by chance; 1.25 is four times that.
      { figure: 'busiestWorker', variant: '2 workers', unit: '× the mean', atMost: 1.25 },
    ],
  },
  {
    name: 'idle',
    title: 'idle keep-alive connections, memory of each',
    method: 'idle',
    connections: 10_000,
    job: 'http',
    peers: kProxies,
    variants: one('/'),
    cores: 'proxy',
    figure: 'kibEach',
    unit: 'KiB',
    bars: [{ figure: 'kibEach', unit: 'KiB', atMost: 1 }],
  },
  {
    name: 'start',
    title: 'start to first answer, and base memory',
    method: 'start',
    job: 'http',
    peers: kAll,
    variants: one('/'),
    cores: 'proxy',
    figure: 'servedMs',
    unit: 'ms',
    bars: [
      { figure: 'servedMs', unit: 'ms', atMost: 500 },
      { figure: 'pssMib', unit: 'MiB', atMost: 70 },
    ],
  },
  {
    name: 'start-2',
    title: 'the same with two workers',
    method: 'start',
    job: 'http',
    peers: kProxies,
    variants: [{ name: '2 workers', path: '/', workers: 2 }],
    cores: 'proxy',
    figure: 'servedMs',
    unit: 'ms',
    bars: [
      { figure: 'servedMs', unit: 'ms', atMost: 500 },
      { figure: 'pssMib', unit: 'MiB', atMost: 80 },
    ],
  },
  {
    name: 'xds',
    title: `${kManyClusters} clusters × 5 endpoints and ${kManyClusters} routes from a control plane, two workers`,
    method: 'xds',
    job: 'xds',
    peers: ['envoy', 'nuncio'],
    variants: [
      { name: 'sotw', path: '/probe', workers: 2, dialect: 'sotw' },
      { name: 'delta', path: '/probe', workers: 2, dialect: 'delta' },
    ],
    load: wrk('keep-alive.lua', 16),
    cores: 'proxy',
    figure: 'readyMs',
    unit: 'ms',
    bars: ['sotw', 'delta'].flatMap(variant => [
      { ratioTo: 'envoy', figure: 'readyMs', variant, atMost: 0.5 },
      { ratioTo: 'envoy', figure: 'addedMib', variant, atMost: 0.5 },
      { figure: 'changeP99Ms', variant, unit: 'ms', atMost: 50 },
      { figure: 'p99Rise', variant, unit: '×', atMost: 1.1 },
    ]),
  },
]
