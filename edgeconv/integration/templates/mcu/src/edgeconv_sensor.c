/* SPDX-License-Identifier: Apache-2.0 */
#include "edgeconv_sensor.h"

void edgeconv_sensor_init(edgeconv_sensor *sensor, int64_t patience_ns) {
  const edgeconv_sensor fresh = {EDGECONV_STOPPED, patience_ns, 0, false};
  *sensor = fresh;
}

static bool is_listened_to(edgeconv_sensor_state state) {
  return state == EDGECONV_WAITING || state == EDGECONV_RECEIVING || state == EDGECONV_SLOW ||
         state == EDGECONV_SILENT;
}

static edgeconv_reaction begin(edgeconv_sensor *sensor, int64_t now_ns) {
  const edgeconv_reaction reaction = {sensor->used, false};
  sensor->state = EDGECONV_WAITING;
  sensor->since_ns = now_ns;
  sensor->used = true;
  return reaction;
}

edgeconv_reaction edgeconv_sensor_update(edgeconv_sensor *sensor, edgeconv_sensor_event event,
                                         int64_t now_ns, bool slow) {
  edgeconv_reaction reaction = {false, false};
  const bool listening = is_listened_to(sensor->state);
  switch (event) {
    case EDGECONV_EVENT_START:
      return begin(sensor, now_ns);
    case EDGECONV_EVENT_RESUME:
      return sensor->state == EDGECONV_SUSPENDED ? begin(sensor, now_ns) : reaction;
    case EDGECONV_EVENT_SAMPLE:
      if (listening) {
        sensor->since_ns = now_ns;
        sensor->state = slow ? EDGECONV_SLOW : EDGECONV_RECEIVING;
        reaction.use_sample = true;
      }
      break;
    case EDGECONV_EVENT_CHECK:
      if (listening && now_ns - sensor->since_ns >= sensor->patience_ns) {
        sensor->state = EDGECONV_SILENT;
      }
      break;
    case EDGECONV_EVENT_SUSPEND:
      if (listening) {
        sensor->state = EDGECONV_SUSPENDED;
      }
      break;
    case EDGECONV_EVENT_MISSING:
      sensor->state = EDGECONV_MISSING;
      break;
    case EDGECONV_EVENT_DENIED:
      sensor->state = EDGECONV_DENIED;
      break;
    case EDGECONV_EVENT_STOP:
      sensor->state = EDGECONV_STOPPED;
      break;
  }
  return reaction;
}
