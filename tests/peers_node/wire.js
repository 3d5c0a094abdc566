// What passes this peer's wire, noted on the way.
'use strict';

const crypto = require('crypto');
const { Dataset } = require('dcmjs-dimse');

const digest = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

/** `last.sent` becomes the SHA-256 of the data set that was encoded last. */
function noteSent(last) {
  const encode = Dataset.prototype.getDenaturalizedDataset;
  Dataset.prototype.getDenaturalizedDataset = function (...options) {
    const bytes = encode.apply(this, options);
    last.sent = digest(bytes);
    return bytes;
  };
}

/** `last.read` becomes the bytes, in hexadecimal, of the data set that was decoded last. */
function noteRead(last) {
  const decode = Dataset.prototype._fromElementsBuffer;
  Dataset.prototype._fromElementsBuffer = function (bytes, ...options) {
    last.read = bytes.toString('hex');
    return decode.call(this, bytes, ...options);
  };
}

/** `take` gets what comes by C-STORE: its UID and context, the SHA-256 of its bytes as they came. */
function noteStored(network, take) {
  const whole = network.createDatasetFromStoreWritableStream;
  let came = {};
  network.createDatasetFromStoreWritableStream = function (stream, context, done) {
    const bytes = stream.toBuffer();
    came = {
      sop_class: context.getAbstractSyntaxUid(),
      syntax: context.getAcceptedTransferSyntaxUid(),
      sha256: digest(bytes),
    };
    whole.call(this, stream, context, done);
  };
  network.prependListener('cStoreRequest', (request) => {
    take({ uid: request.getAffectedSopInstanceUid(), ...came });
  });
}

module.exports = { noteRead, noteSent, noteStored };
