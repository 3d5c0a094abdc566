// Holds the conversations described on standard input (JSON), one association after the other,
// and prints what came of each as JSON.
'use strict';

const fs = require('fs');
const { Client, Transcoding, log } = require('dcmjs-dimse');
const { association, constants, responses } = require('dcmjs-dimse');
const { made } = require('./requests');
const { noteRead, noteSent, noteStored } = require('./wire');

const { PresentationContext } = association;
const { Status } = constants;
const P_DATA = 4;
const AS_IT_IS = { allowInvalidVRLength: true };
const last = {};

/** Adds a request to the client; what is answered gathers in the object given back. */
function asked(client, wanted) {
  const request = made(wanted);
  const answer = { statuses: [], data_sets: [] };
  request.on('response', (response) => {
    answer.sent = last.sent;
    answer.statuses.push(response.getStatus());
    answer.command = response.getCommandDataset().getElements();
    if (response.hasDataset()) {
      answer.data_sets.push(response.getDataset().getElements());
      answer.read = last.read;
    }
    if (answer.statuses.length === wanted.cancel_after) client.cancel(request);
  });
  client.addRequest(request);
  return { request, answer };
}

/** After so many P-DATA PDUs: an A-ABORT or nothing, and the end of the connection. */
function cutting(client, { after, how }) {
  const { socket } = client.network;
  const write = socket.write.bind(socket);
  let left = after;
  socket.write = (bytes) => {
    if (bytes[0] !== P_DATA || left-- > 0) return write(bytes);
    if (left === -1) {
      if (how === 'abort') client.abort(constants.AbortSource.ServiceUser, 0);
      socket.end();
    }
    return true;
  };
}

/** Instances come back on this association; with `cancel` the first one is the last wanted. */
function keeping(client, found, { request }, cancel) {
  found.stored = [];
  noteStored(client.network, (one) => found.stored.push(one));
  client.on('cStoreRequest', (store, answered) => {
    if (cancel && found.stored.length === 1) client.cancel(request);
    const response = responses.CStoreResponse.fromRequest(store);
    response.setStatus(Status.Success);
    answered(response);
  });
}

/** The association stays until a commitment report has come on it. */
function staying(client, found) {
  client.network.removeAllListeners('done');
  client.on('nEventReportRequest', (report, answered) => {
    found.report = { type: report.getEventTypeId(), ...report.getDataset().getElements() };
    const response = responses.NEventReportResponse.fromRequest(report);
    response.setStatus(Status.Success);
    answered(response);
    client.network.sendAssociationReleaseRequest();
  });
}

/** Proposes to be the SCP of a class (role selection), which the client has no option for. */
function inRole(client, sop_class) {
  const { network } = client;
  const propose = network.sendAssociationRequest.bind(network);
  network.sendAssociationRequest = (proposed) => {
    const id = proposed.addOrGetPresentationContext(sop_class);
    proposed.getPresentationContext(id).setProviderRole(true);
    propose(proposed);
  };
}

/** From the names of PEM files; without `key` it shows no certificate. */
function secured(tls) {
  if (!tls) return undefined;
  const read = (name) => name && fs.readFileSync(name);
  return { key: read(tls.key), cert: read(tls.key), ca: read(tls.ca), rejectUnauthorized: true };
}

function conversation(one) {
  return new Promise((resolve) => {
    const client = new Client();
    const found = { released: false, contexts: [] };
    const requests = one.requests.map((wanted) => asked(client, wanted));
    found.answers = requests.map(({ answer }) => answer);
    client.on('associationAccepted', (accepted) => {
      found.contexts = accepted.getPresentationContexts().map(({ context }) => ({
        sop_class: context.getAbstractSyntaxUid(),
        result: context.getResult(),
        syntax: context.getAcceptedTransferSyntaxUid(),
      }));
      if (one.cut) cutting(client, one.cut);
    });
    client.on('associationRejected', (reject) => (found.rejected = reject));
    client.on('associationReleased', () => (found.released = true));
    client.on('networkError', (error) => (found.error = error.message));
    client.on('closed', () => resolve(found));
    (one.contexts || []).forEach(([sop_class, syntax]) => {
      client.addAdditionalPresentationContext(new PresentationContext(0, sop_class, syntax), true);
    });
    const options = { datasetWriteOptions: AS_IT_IS, securityOptions: secured(one.tls) };
    client.send(one.host, one.port, one.calling, one.called, options);
    keeping(client, found, requests[0], one.cancel_at_first);
    if (one.stay) staying(client, found);
    if (one.provider_of) inRole(client, one.provider_of);
  });
}

async function main() {
  const plan = JSON.parse(fs.readFileSync(0, 'utf8'));
  log.setLevel('error');
  noteRead(last);
  noteSent(last);
  await Transcoding.initializeAsync();
  const found = [];
  for (const one of plan.conversations) found.push(await conversation(one));
  process.stdout.write(JSON.stringify(found));
}

main();
