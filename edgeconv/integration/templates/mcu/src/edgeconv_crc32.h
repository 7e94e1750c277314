/* The check sum of a model's bytes. SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_CRC32_H
#define EDGECONV_CRC32_H

#include <stdint.h>

#include "edgeconv_alive.h"

#define EDGECONV_BETWEEN_CALLS 4096u /* bytes */

/* As in zip and Ethernet, half a byte at a time: a table for whole ones is 1 KB of flash. */
static inline uint32_t edgeconv_crc32(const unsigned char *bytes, uint32_t size) {
  static const uint32_t steps[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu,
                                     0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
                                     0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                     0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
  uint32_t crc = 0xFFFFFFFFu;
  for (uint32_t i = 0; i < size; i++) {
    if (i % EDGECONV_BETWEEN_CALLS == 0) {
      EDGECONV_ALIVE();
    }
    crc ^= bytes[i];
    crc = (crc >> 4) ^ steps[crc & 15u];
    crc = (crc >> 4) ^ steps[crc & 15u];
  }
  return ~crc;
}

#endif
