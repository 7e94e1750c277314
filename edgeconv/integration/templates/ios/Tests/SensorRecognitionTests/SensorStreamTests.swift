import XCTest

@testable import SensorStreaming

final class SensorStreamTests: XCTestCase {
  func testFilters() throws {
    for filter in try Vectors.load().filters {
      let oversampling = LowPass.oversampling(
        sensorHz: filter.sensorHz, rateHz: Contract.rateHz)
      XCTAssertEqual(oversampling, filter.oversampling)
      let taps = LowPass.taps(oversampling: oversampling)
      XCTAssert(agree(taps, filter.taps, within: 1e-12), "\(filter.sensorHz) Hz")
    }
  }

  func testEveryStream() throws {
    let vectors = try Vectors.load()
    XCTAssertFalse(vectors.streams.isEmpty)
    for stream in vectors.streams {
      check(stream, against: windows(of: stream), within: vectors.tolerance.value)
    }
  }

  func testTimeMayBeginAnywhere() throws {
    let recorded = try XCTUnwrap(Vectors.load().streams.first)
    let shift: Int64 = 1_700_000_000_000_000_000
    var stream = SensorStream(settings: recorded.settings)
    var ends: [Int64] = []
    for sample in recorded.readings {
      var later = sample
      later.nanoseconds += shift
      ends += stream.push(later).map { $0.endNanoseconds - shift }
    }
    XCTAssertEqual(ends, recorded.expected.windows.map(\.endNs))
  }

  func testWildTimesDoNotTrap() {
    var stream = SensorStream()
    for time in [Int64.max, .min, 0, .min, .max] {
      XCTAssertEqual(stream.push(Sample(nanoseconds: time, x: 0, y: 0, z: 1)), [])
    }
    XCTAssertEqual(stream.counts.gaps + stream.counts.clockResets, 4)
    XCTAssertNil(Sample(seconds: .infinity, x: 0, y: 0, z: 1))
    XCTAssertEqual(Sample(seconds: 1.5, x: 0, y: 0, z: 1)?.nanoseconds, 1_500_000_000)
  }

  private func windows(of recorded: Vectors.Stream) -> (SensorStream, [Window]) {
    var stream = SensorStream(settings: recorded.settings)
    var windows: [Window] = []
    for (position, sample) in recorded.readings.enumerated() {
      if recorded.restartBefore.contains(position) { stream.restart() }
      windows += stream.push(sample)
    }
    return (stream, windows)
  }

  private func check(
    _ recorded: Vectors.Stream, against found: (SensorStream, [Window]), within tolerance: Double
  ) {
    let (stream, windows) = found
    let wanted = recorded.expected
    XCTAssertEqual(stream.segment, wanted.segment, recorded.name)
    XCTAssertEqual(stream.counts.accepted, wanted.counts.accepted, recorded.name)
    XCTAssertEqual(stream.counts.notFinite, wanted.counts.notFinite, recorded.name)
    XCTAssertEqual(stream.counts.duplicate, wanted.counts.duplicate, recorded.name)
    XCTAssertEqual(stream.counts.late, wanted.counts.late, recorded.name)
    XCTAssertEqual(stream.counts.gaps, wanted.counts.gaps, recorded.name)
    XCTAssertEqual(stream.counts.clockResets, wanted.counts.clockResets, recorded.name)
    XCTAssertEqual(stream.counts.silent, wanted.counts.silent ?? 0, recorded.name)
    let waiting = (wanted.waiting ?? []).map { Contract.sensors[$0].kind }
    XCTAssertEqual(stream.waitingFor, waiting, recorded.name)
    XCTAssertEqual(windows.map(\.number), wanted.windows.map(\.number), recorded.name)
    XCTAssertEqual(windows.map(\.segment), wanted.windows.map(\.segment), recorded.name)
    XCTAssertEqual(windows.map(\.endNanoseconds), wanted.windows.map(\.endNs), recorded.name)
    for (window, expected) in zip(windows, wanted.windows) {
      XCTAssert(
        agree(window.values, expected.values, within: tolerance),
        "\(recorded.name), window \(window.number)")
    }
  }
}
