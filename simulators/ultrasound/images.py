"""Stills and cine loops as data sets, uncompressed, RLE or JPEG Baseline (PS3.5 8.2, A.4).

What identifies patient, study and step comes from ``Exam``; what describes the pixels is made here.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import set_pixel_data
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from simulators.ultrasound import personality as p
from simulators.ultrasound.picture import Grey, colour

_JPEG_QUALITY = 88


def still(base: Dataset, grey: Grey, unit: p.Personality) -> Dataset:
    """One image in the unit's way."""
    base.SOPClassUID = p.US
    base.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    return _with_pixels(base, [grey], unit.still, unit.colour)


def cine(base: Dataset, greys: Sequence[Grey], unit: p.Personality) -> Dataset:
    """A loop of 30 frames a second."""
    base.SOPClassUID = p.US_MULTIFRAME
    base.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    base.NumberOfFrames = len(greys)
    base.FrameTime = "33.333"
    base.FrameIncrementPointer = 0x00181063
    base.CineRate = 30
    return _with_pixels(base, greys, unit.cine, p.Colour.RGB)


def instance_base(exam: Dataset, series_uid: str, uid: str, number: int, at: datetime) -> Dataset:
    """What every image of an exam carries."""
    base = Dataset()
    base.update(exam)
    base.SOPInstanceUID = uid
    base.SeriesInstanceUID = series_uid
    base.SeriesNumber = 1
    base.InstanceNumber = number
    base.ContentDate, base.ContentTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    base.AcquisitionDateTime = at.strftime("%Y%m%d%H%M%S")
    base.PatientOrientation = ""
    base.LossyImageCompression = "00"
    base.BurnedInAnnotation = "YES"
    base.SequenceOfUltrasoundRegions = Items([_region()])
    return base


def _region() -> Dataset:
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 80, 40
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 560, 470
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.0125
    return region


def _with_pixels(base: Dataset, greys: Sequence[Grey], syntax: str, wanted: p.Colour) -> Dataset:
    base.file_meta = FileMetaDataset()
    base.file_meta.TransferSyntaxUID = UID(p.EXPLICIT)
    if syntax == p.JPEG:
        return _jpeg(base, greys)
    if wanted is p.Colour.RGB:
        _uncompressed(base, np.stack([colour(g) for g in greys]), "RGB")
    elif wanted is p.Colour.GREY:
        _uncompressed(base, np.stack(greys), "MONOCHROME2")
    else:
        _uncompressed(base, np.stack(greys), "MONOCHROME2")
        _palette(base)
    if syntax == p.RLE:
        base.compress(p.RLE, generate_instance_uid=False)
    return base


def _uncompressed(base: Dataset, pixels: np.ndarray, photometric: str) -> None:
    one = pixels if "NumberOfFrames" in base else pixels[0]
    set_pixel_data(base, one, photometric, 8, generate_instance_uid=False)


def _palette(base: Dataset) -> None:
    """A warm map: grey levels with less blue."""
    base.PhotometricInterpretation = "PALETTE COLOR"
    levels = np.arange(256, dtype=np.uint16) * 257
    for name, share in (("Red", 1.0), ("Green", 0.9), ("Blue", 0.7)):
        table = (levels * share).astype("<u2").tobytes()
        setattr(base, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(base, f"{name}PaletteColorLookupTableData", table)


def _jpeg(base: Dataset, greys: Sequence[Grey]) -> Dataset:
    frames = [_jpeg_frame(grey) for grey in greys]
    base.SamplesPerPixel = 3
    base.PlanarConfiguration = 0
    base.PhotometricInterpretation = "YBR_FULL_422"
    base.Rows, base.Columns = greys[0].shape
    base.BitsAllocated = base.BitsStored = 8
    base.HighBit, base.PixelRepresentation = 7, 0
    base.PixelData = encapsulate(frames)
    base["PixelData"].VR = "OB"
    base["PixelData"].is_undefined_length = True
    base.LossyImageCompression = "01"
    base.LossyImageCompressionMethod = "ISO_10918_1"
    base.LossyImageCompressionRatio = round(greys[0].size * 3 / len(frames[0]), 2)
    base.file_meta.TransferSyntaxUID = UID(p.JPEG)
    return base


def _jpeg_frame(grey: Grey) -> bytes:
    out = io.BytesIO()
    Image.fromarray(colour(grey)).save(out, "JPEG", quality=_JPEG_QUALITY, subsampling="4:2:2")
    return out.getvalue()
