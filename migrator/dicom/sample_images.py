"""Simple phantoms for the sample archive: pixels that look like the modality they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

Pixels = NDArray[Any]

CT_SIDE = 128
MR_SIDE = 96
CR_ROWS, CR_COLUMNS = 320, 256
US_FRAMES, US_ROWS, US_COLUMNS = 6, 96, 128


def ct_slice(position: float, noise: np.random.Generator) -> Pixels:
    """A body with a spine and two lungs, in Hounsfield units + 1024; `position` along it is 0 to 1."""
    air, fat, tissue, bone, lung = 0, 930, 1064, 1800, 200
    width = 0.75 + 0.15 * np.sin(np.pi * position)
    image = np.full((CT_SIDE, CT_SIDE), air, np.int32)
    image[_ellipse(CT_SIDE, (0, 0), (0.62, width))] = fat
    image[_ellipse(CT_SIDE, (0, 0), (0.56, width - 0.06))] = tissue
    for side in (-1, 1):
        image[_ellipse(CT_SIDE, (-0.05, side * 0.36), (0.35, 0.26 * np.sin(np.pi * position)))] = lung
    image[_ellipse(CT_SIDE, (0.38, 0), (0.13, 0.12))] = bone
    return _grey(image, 12, noise)


def mr_slice(position: float, noise: np.random.Generator) -> Pixels:
    """A head with its skull and two ventricles."""
    height = 0.55 + 0.3 * np.sin(np.pi * position)
    image = np.zeros((MR_SIDE, MR_SIDE), np.int32)
    image[_ellipse(MR_SIDE, (0, 0), (height + 0.08, 0.7))] = 700
    image[_ellipse(MR_SIDE, (0, 0), (height + 0.02, 0.64))] = 90
    image[_ellipse(MR_SIDE, (0, 0), (height - 0.02, 0.6))] = 420
    for side in (-1, 1):
        image[_ellipse(MR_SIDE, (-0.05, side * 0.13), (0.28 * position, 0.07))] = 130
    return _grey(image, 15, noise)


def cr_image(noise: np.random.Generator) -> Pixels:
    """A chest: two bright lungs under the shadows of ribs."""
    rows, columns = np.ogrid[-1 : 1 : CR_ROWS * 1j, -1 : 1 : CR_COLUMNS * 1j]
    image = 1500 + 600 * np.abs(columns) + 0 * rows
    for side in (-1, 1):
        lung = (rows / 0.75) ** 2 + ((columns - side * 0.42) / 0.33) ** 2 < 1
        image = np.where(lung, 3000 - 250 * np.cos(22 * (rows + 0.35 * np.abs(columns))), image)
    return _grey(image, 20, noise)


def us_loop(noise: np.random.Generator) -> Pixels:
    """A fan of speckle with a beating, coloured spot; frames x rows x columns x RGB."""
    rows, columns = np.ogrid[0 : 1 : US_ROWS * 1j, -1 : 1 : US_COLUMNS * 1j]
    fan = (np.abs(columns) < 0.15 + 0.8 * rows) & (rows**2 + columns**2 < 1)
    frames = np.zeros((US_FRAMES, US_ROWS, US_COLUMNS, 3), np.uint8)
    for number, frame in enumerate(frames):
        speckle = noise.rayleigh(45, (US_ROWS, US_COLUMNS)).clip(0, 255)
        frame[fan] = speckle[fan][:, None].astype(np.uint8)
        radius = 0.12 + 0.05 * np.sin(2 * np.pi * number / US_FRAMES)
        frame[(rows - 0.6) ** 2 + columns**2 < radius**2] = (200, 30, 30)
    return frames


def _grey(image: Pixels, spread: float, noise: np.random.Generator) -> Pixels:
    noisy: Pixels = np.clip(image + noise.normal(0, spread, image.shape), 0, 4095)
    return noisy.astype(np.uint16)


def _ellipse(side: int, centre: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    height, width = (max(radius, 1e-6) for radius in radii)
    return np.asarray(((rows - centre[0]) / height) ** 2 + ((columns - centre[1]) / width) ** 2 < 1)


def add_grey(ds: Dataset, pixels: Pixels) -> None:
    """The Image Pixel module (PS3.3 C.7.6.3) of 12-bit grey pixels."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ds.PixelData = pixels.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def add_colour(ds: Dataset, frames: Pixels) -> None:
    """The Image Pixel and Multi-frame modules of 8-bit RGB frames."""
    ds.SamplesPerPixel = 3
    ds.PhotometricInterpretation = "RGB"
    ds.PlanarConfiguration = 0
    ds.NumberOfFrames, ds.Rows, ds.Columns = frames.shape[:3]
    ds.FrameTime = "40"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds.PixelRepresentation = 0
    ds.PixelData = frames.tobytes()
    ds["PixelData"].VR = "OB"
