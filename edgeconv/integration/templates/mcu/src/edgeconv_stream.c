/* SPDX-License-Identifier: Apache-2.0 */
#include "edgeconv_stream.h"

#include <math.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "compile without -ffast-math: it makes isfinite() true for everything"
#endif

/* Time of a point of the fine grid; never accumulated, so that no error grows. */
static int64_t grid_time(const edgeconv_stream *s, uint32_t index) {
  return s->start_ns + (int64_t)((double)index * s->settings->spacing_ns + 0.5);
}

static void clear(edgeconv_stream *s) {
  s->recent_count = 0;
  s->next = 0;
  s->fine_oldest = 0;
  s->fine_count = 0;
  s->made = 0;
}

bool edgeconv_stream_init(edgeconv_stream *stream, const edgeconv_settings *settings,
                          edgeconv_on_window on_window, void *context) {
  if (settings->tap_count > EDGECONV_TAPS_MAX || settings->tap_count % 2 == 0 ||
      settings->oversampling == 0) {
    return false;
  }
  memset(stream, 0, sizeof *stream);
  stream->settings = settings;
  stream->on_window = on_window;
  stream->context = context;
  return true;
}

void edgeconv_stream_restart(edgeconv_stream *stream) {
  stream->segment++;
  clear(stream);
}

/* Whether a sample that comes `elapsed` ns after the last one is used; may restart. */
static bool in_order(edgeconv_stream *s, int64_t elapsed) {
  if (elapsed > s->settings->max_gap_ns) {
    s->counts.gaps++;
    edgeconv_stream_restart(s);
  } else if (elapsed < -s->settings->max_gap_ns) {
    s->counts.clock_resets++;
    edgeconv_stream_restart(s);
  } else if (elapsed < 0) {
    s->counts.late++;
    return false;
  } else if (elapsed < s->settings->closest_ns) {
    s->counts.duplicate++;
    return false;
  }
  return true;
}

static void emit(edgeconv_stream *s, int64_t end_ns) {
  const uint32_t oldest = s->made % EDGECONV_WINDOW; /* its place is the next to be written */
  for (uint32_t i = 0; i < EDGECONV_WINDOW; i++) {
    memcpy(&s->window[i * EDGECONV_CHANNELS], s->steps[(oldest + i) % EDGECONV_WINDOW],
           sizeof s->steps[0]);
  }
  const edgeconv_window window = {s->number, s->segment, end_ns, s->window};
  s->number++;
  s->on_window(&window, s->context);
}

/* One step of the contract from the fine grid, whose ring is full; `middle` is under the middle
 * tap. */
static void make_step(edgeconv_stream *s, uint32_t middle) {
  const uint16_t count = s->settings->tap_count;
  const float *centre = s->fine[(s->fine_oldest + count / 2) % count];
  float *step = s->steps[s->made % EDGECONV_WINDOW];
  for (int c = 0; c < EDGECONV_CHANNELS; c++) {
    /* The taps' sum is 1: a constant, such as gravity, passes without any rounding. */
    float sum = 0.0f;
    uint16_t at = s->fine_oldest;
    for (uint16_t j = 0; j < count; j++) {
      sum += s->settings->taps[j] * (s->fine[at][c] - centre[c]);
      at = (uint16_t)(at + 1 == count ? 0 : at + 1);
    }
    step[c] = centre[c] + sum;
  }
  s->made++;
  if (s->made >= EDGECONV_WINDOW && (s->made - EDGECONV_WINDOW) % EDGECONV_STEP == 0) {
    emit(s, grid_time(s, middle));
  }
}

/* Keeps a point of the fine grid; where it completes a step, makes that step. */
static void add_point(edgeconv_stream *s, const float *point) {
  const uint16_t count = s->settings->tap_count;
  uint16_t place = s->fine_count;
  if (s->fine_count < count) {
    s->fine_count++;
  } else {
    place = s->fine_oldest;
    s->fine_oldest = (uint16_t)(place + 1 == count ? 0 : place + 1);
  }
  memcpy(s->fine[place], point, sizeof s->fine[0]);
  if (s->fine_count == count) {
    const uint32_t middle = s->next - count / 2;
    if (middle % s->settings->oversampling == 0) {
      make_step(s, middle);
    }
  }
}

/* Slope of the parabola through three samples at the middle one, times this interval's length.
 * `rise` is the difference of the values over this interval, `other` over the neighbouring one,
 * `ratio` this interval's length by the neighbour's. */
static float slope(float rise, float other, float ratio) {
  return (rise + ratio * ratio * other) / (1.0f + ratio);
}

/* Length of one interval by that of another; both are far below 2^31 ns. */
static float ratio(int64_t length, int64_t by) { return (float)length / (float)by; }

/* Every point of the fine grid from the latest sample but two up to the latest but one. */
static void evaluate(edgeconv_stream *s) {
  const edgeconv_sample *p3 = &s->recent[s->recent_count - 1];
  const edgeconv_sample *p2 = p3 - 1, *p1 = p3 - 2;
  const edgeconv_sample *p0 = s->recent_count == 4 ? &s->recent[0] : NULL;
  const int64_t length = p2->t_ns - p1->t_ns;
  const float q = ratio(length, p3->t_ns - p2->t_ns);
  const float r = p0 ? ratio(length, p1->t_ns - p0->t_ns) : 0.0f;
  for (int64_t at = grid_time(s, s->next); at < p2->t_ns; at = grid_time(s, s->next)) {
    const float u = ratio(at - p1->t_ns, length);
    float point[EDGECONV_CHANNELS];
    for (int c = 0; c < EDGECONV_CHANNELS; c++) {
      const float v1 = p1->values[c], rise = p2->values[c] - v1;
      const float slope2 = slope(rise, p3->values[c] - p2->values[c], q);
      /* At the very beginning: the parabola through the first three samples. */
      const float slope1 = p0 ? slope(rise, v1 - p0->values[c], r) : 2.0f * rise - slope2;
      const float bend = 3.0f * rise - 2.0f * slope1 - slope2;
      point[c] = v1 + u * (slope1 + u * (bend + u * (slope1 + slope2 - 2.0f * rise)));
    }
    add_point(s, point);
    s->next++;
  }
}

void edgeconv_stream_push(edgeconv_stream *stream, int64_t t_ns, float x, float y, float z) {
  edgeconv_stream *s = stream;
  if (!isfinite(x) || !isfinite(y) || !isfinite(z)) {
    s->counts.not_finite++;
    return;
  }
  if (s->recent_count > 0 && !in_order(s, t_ns - s->recent[s->recent_count - 1].t_ns)) {
    return;
  }
  s->counts.accepted++;
  if (s->recent_count == 0) {
    s->start_ns = t_ns;
  }
  if (s->recent_count == 4) {
    memmove(&s->recent[0], &s->recent[1], 3 * sizeof s->recent[0]);
    s->recent_count = 3;
  }
  const float factor = s->settings->factor;
  const edgeconv_sample sample = {t_ns, {x * factor, y * factor, z * factor}};
  s->recent[s->recent_count] = sample;
  s->recent_count++;
  if (s->recent_count >= 3) {
    evaluate(s);
  }
}
