// What this peer puts on the wire, noted on the way.
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

module.exports = { noteSent };
