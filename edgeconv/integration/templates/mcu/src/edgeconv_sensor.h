/* What an app is told of a sensor: the states and events of edgeconv's device specification.
 *
 * Feed it what the driver reports; it says whether the stream gets a sample, and when to restart
 * it. Times are those of any clock that only goes forward, in ns. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef EDGECONV_SENSOR_H
#define EDGECONV_SENSOR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGECONV_PATIENCE_NS INT64_C(2000000000)

typedef enum {
  EDGECONV_STOPPED,   /* not asked for */
  EDGECONV_WAITING,   /* asked for; no sample yet */
  EDGECONV_RECEIVING, /* samples come */
  EDGECONV_SLOW,      /* they come at less than 0.8 of the rate asked for */
  EDGECONV_SILENT,    /* none for as long as the patience lasts */
  EDGECONV_SUSPENDED, /* asleep */
  EDGECONV_MISSING,   /* this board has no such sensor */
  EDGECONV_DENIED     /* it may not be used: a bus error, a self-test of its own that failed */
} edgeconv_sensor_state;

typedef enum {
  EDGECONV_EVENT_START,
  EDGECONV_EVENT_SAMPLE,
  EDGECONV_EVENT_CHECK, /* about once a second */
  EDGECONV_EVENT_SUSPEND,
  EDGECONV_EVENT_RESUME,
  EDGECONV_EVENT_MISSING,
  EDGECONV_EVENT_DENIED,
  EDGECONV_EVENT_STOP
} edgeconv_sensor_event;

typedef struct {
  edgeconv_sensor_state state;
  int64_t patience_ns;
  int64_t since_ns;
  bool used; /* the stream may hold samples of before */
} edgeconv_sensor;

typedef struct {
  bool restart;    /* call edgeconv_stream_restart */
  bool use_sample; /* push the sample */
} edgeconv_reaction;

/* `patience_ns`: EDGECONV_PATIENCE_NS, or twice the time between two reads of a FIFO if that is
 * more. */
void edgeconv_sensor_init(edgeconv_sensor *sensor, int64_t patience_ns);

/* `slow` is edgeconv_stream_is_slow after the sample was pushed last; false for other events. */
edgeconv_reaction edgeconv_sensor_update(edgeconv_sensor *sensor, edgeconv_sensor_event event,
                                         int64_t now_ns, bool slow);

#ifdef __cplusplus
}
#endif

#endif
