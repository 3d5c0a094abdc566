// What a conversation may ask for: `kind` and its particulars become a request of dcmjs-dimse.
'use strict';

const { Dataset, constants, requests } = require('dcmjs-dimse');

const { SopClass } = constants;
const COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';
const BY_LEVEL = ['Study', 'Series', 'Image'];

/** The data set goes with it; keywords and values as they are given. */
function holding(request, elements) {
  request.setDataset(new Dataset(elements));
  return request;
}

const find = (level, elements) => requests.CFindRequest[`create${level}FindRequest`](elements);

/** As deep as there are UIDs: of a study, of its series, of an image of that. */
const retrieve = (type, verb, uids, ...before) =>
  type[`create${BY_LEVEL[uids.length - 1]}${verb}Request`](...before, ...uids);

const step = (type, { uid, elements }) =>
  holding(new type(SopClass.ModalityPerformedProcedureStep, uid), elements);

const commitment = (type, { number, elements }) =>
  holding(new type(SopClass.StorageCommitmentPushModel, COMMITMENT_INSTANCE, number), elements);

const make = {
  echo: () => new requests.CEchoRequest(),
  store: ({ file }) => new requests.CStoreRequest(file),
  find: ({ level, elements }) => find(level, elements),
  move: ({ uids, destination }) => retrieve(requests.CMoveRequest, 'Move', uids, destination),
  get: ({ uids }) => retrieve(requests.CGetRequest, 'Get', uids),
  create: (wanted) => step(requests.NCreateRequest, wanted),
  set: (wanted) => step(requests.NSetRequest, wanted),
  action: (wanted) => commitment(requests.NActionRequest, wanted),
  report: (wanted) => commitment(requests.NEventReportRequest, wanted),
};

module.exports = { made: (wanted) => make[wanted.kind](wanted) };
