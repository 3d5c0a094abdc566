// Holds the conversations described on standard input (JSON), one association after the other,
// and prints what came of each as JSON.
'use strict';

const fs = require('fs');
const { Client, Transcoding, log } = require('dcmjs-dimse');
const { association, constants, requests } = require('dcmjs-dimse');
const { noteSent } = require('./wire');

const { PresentationContext } = association;
const P_DATA = 4;
const AS_IT_IS = { allowInvalidVRLength: true };
const last = {};

const make = {
  echo: () => new requests.CEchoRequest(),
  store: ({ file }) => new requests.CStoreRequest(file),
};

/** Adds a request to the client; what is answered gathers in the object given back. */
function asked(client, wanted) {
  const request = make[wanted.kind](wanted);
  const answer = { statuses: [] };
  request.on('response', (response) => {
    answer.sent = last.sent;
    answer.statuses.push(response.getStatus());
  });
  client.addRequest(request);
  return answer;
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

function conversation(one) {
  return new Promise((resolve) => {
    const client = new Client();
    const found = { released: false, contexts: [] };
    found.answers = one.requests.map((wanted) => asked(client, wanted));
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
    const options = { datasetWriteOptions: AS_IT_IS };
    client.send(one.host, one.port, one.calling, one.called, options);
  });
}

async function main() {
  const plan = JSON.parse(fs.readFileSync(0, 'utf8'));
  log.setLevel('error');
  noteSent(last);
  await Transcoding.initializeAsync();
  const found = [];
  for (const one of plan.conversations) found.push(await conversation(one));
  process.stdout.write(JSON.stringify(found));
}

main();
