// An archive that listens: takes what is stored, promises to keep it, takes commitment reports.
// Its plan comes as the first argument (JSON); what happens is printed, an event a line, the
// first of them the port.  It ends with its standard input.
'use strict';

const { Scp, Server, Dataset, constants, log } = require('dcmjs-dimse');
const { requests, responses } = require('dcmjs-dimse');
const { noteStored } = require('./wire');

const { PresentationContextResult: Result, SopClass, Status } = constants;
const { ImplicitVRLittleEndian, ExplicitVRLittleEndian } = constants.TransferSyntax;
const COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';
const SOME_FAILED = 2;

const plan = JSON.parse(process.argv[2]);
const syntaxes = plan.syntaxes || [ImplicitVRLittleEndian, ExplicitVRLittleEndian];
const statuses = plan.statuses || [];
const lost = new Set(plan.lost || []);
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

/** The N-EVENT-REPORT for a request; what it has lost it says once, then it may come again. */
function report({ TransactionUID, ReferencedSOPSequence }) {
  const references = [].concat(ReferencedSOPSequence).map((item) => ({
    ReferencedSOPClassUID: item.ReferencedSOPClassUID,
    ReferencedSOPInstanceUID: item.ReferencedSOPInstanceUID,
  }));
  const failed = references.filter((one) => lost.delete(one.ReferencedSOPInstanceUID));
  const safe = references.filter((one) => !failed.includes(one));
  const elements = { TransactionUID };
  if (safe.length) elements.ReferencedSOPSequence = safe;
  if (failed.length) {
    const reason = { FailureReason: Status.NoSuchObjectInstance };
    elements.FailedSOPSequence = failed.map((one) => ({ ...one, ...reason }));
  }
  const type = failed.length ? SOME_FAILED : 1;
  const made = [SopClass.StorageCommitmentPushModel, COMMITMENT_INSTANCE, type];
  const request = new requests.NEventReportRequest(...made);
  request.setDataset(new Dataset(elements));
  return request;
}

const rolesOf = ({ context }) => [context.getUserRole(), context.getProviderRole()];

class Archive extends Scp {
  constructor(socket, options) {
    super(socket, options);
    noteStored(this, (one) => (this.came = one));
  }

  associationRequested(association) {
    const proposed = association.getPresentationContexts().map(({ id }) => id);
    for (const id of proposed) {
      const context = association.getPresentationContext(id);
      const taken = context.getTransferSyntaxUids().find((one) => syntaxes.includes(one));
      if (taken) context.setResult(Result.Accept, taken);
      else context.setResult(Result.RejectTransferSyntaxesNotSupported);
    }
    const roles = association.getPresentationContexts().map(rolesOf);
    say({ event: 'association', calling: association.getCallingAeTitle(), roles });
    this.sendAssociationAccept();
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }

  cEchoRequest(request, answered) {
    this.answer(responses.CEchoResponse.fromRequest(request), Status.Success, answered);
  }

  cStoreRequest(request, answered) {
    const status = statuses.length ? statuses.shift() : Status.Success;
    const { MoveOriginatorApplicationEntityTitle: originator } = request
      .getCommandDataset()
      .getElements();
    say({ event: 'store', status, originator, ...this.came });
    this.answer(responses.CStoreResponse.fromRequest(request), status, answered);
  }

  nActionRequest(request, answered) {
    const elements = request.getDataset().getElements();
    say({ event: 'action', type: request.getActionTypeId(), ...elements });
    this.answer(responses.NActionResponse.fromRequest(request), Status.Success, answered);
    if (!plan.promises) return;
    const promise = report(elements);
    promise.on('response', (response) => say({ event: 'told', status: response.getStatus() }));
    this.sendRequests(promise);
  }

  nEventReportRequest(request, answered) {
    const elements = request.getDataset().getElements();
    say({ event: 'report', type: request.getEventTypeId(), ...elements });
    this.answer(responses.NEventReportResponse.fromRequest(request), Status.Success, answered);
  }

  answer(response, status, answered) {
    response.setStatus(status);
    answered(response);
  }

  abort() {
    say({ event: 'abort' });
  }
}

log.setLevel('error');
const server = new Server(Archive);
server.on('listening', () => say({ event: 'listening', port: server.server.address().port }));
server.on('networkError', (error) => say({ event: 'error', message: error.message }));
server.listen(0);
process.stdin.on('end', () => process.exit(0)).resume();
