import Foundation
import SensorStreaming

/// `stream.json`: what the reference made of the test streams, with the model of this package.
struct Vectors: Decodable {
  let tolerance: Tolerance
  let filters: [Filter]
  let streams: [Stream]
  let decisions: [Decisions]

  struct Tolerance: Decodable {
    let value, probability, smoothed: Double
  }

  struct Filter: Decodable {
    let sensorHz: Double
    let oversampling: Int
    let taps: [Double]
  }

  struct Stream: Decodable {
    let name: String
    let sensorHz, factor: Double
    // Where there are several.
    let sensors: [Sensor]?
    let restartBefore: [Int]
    let samples: Samples
    let expected: Expected
  }

  struct Sensor: Decodable {
    let hz, factor: Double
  }

  struct Samples: Decodable {
    let sensor: [Int]?
    let tNs: [Int64]
    // JSON has no NaN: null stands for it.
    let x, y, z: [Double?]
  }

  struct Expected: Decodable {
    let counts: Counted
    let segment: Int
    let waiting: [Int]?
    let windows: [ExpectedWindow]
  }

  struct Counted: Decodable {
    let accepted, notFinite, duplicate, late, gaps, clockResets: Int
    let silent: Int?
  }

  struct ExpectedWindow: Decodable {
    let number, segment: Int
    let endNs: Int64
    let values: [Float]
    let outputs, smoothed: [Double]
    let decision: Int
    let unsure, sure: Bool
  }

  struct Decisions: Decodable {
    let name: String
    let logits: Bool
    let alpha, hysteresis: Double
    let updates: [Update]
  }

  struct Update: Decodable {
    let segment: Int
    let outputs: [Double?]
    let label: Int?
    let probabilities: [Double]?
  }

  static func load() throws -> Vectors {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Vectors.self, from: Resource.data("stream"))
  }
}

extension Vectors.Stream {
  var settings: StreamSettings {
    let further = zip(Contract.sensors, sensors ?? []).dropFirst().map { own, recorded in
      SensorSettings(kind: own.kind, sensorHz: recorded.hz, factor: recorded.factor)
    }
    return StreamSettings(sensorHz: sensorHz, factor: factor, further: Array(further))
  }

  /// The samples in the order in which the sensors gave them.
  var readings: [Sample] {
    samples.tNs.indices.map { i in
      Sample(
        nanoseconds: samples.tNs[i], x: samples.x[i] ?? .nan, y: samples.y[i] ?? .nan,
        z: samples.z[i] ?? .nan, sensor: Contract.sensors[samples.sensor?[i] ?? 0].kind)
    }
  }
}

enum Resource {
  static func data(_ name: String) throws -> Data {
    let url = Bundle.module.url(forResource: name, withExtension: "json")
    return try Data(contentsOf: url ?? URL(fileURLWithPath: "\(name).json"))
  }
}

/// Whether two lists agree within a tolerance; a list of another length or a NaN never does.
func agree<Number: BinaryFloatingPoint>(
  _ found: [Number], _ wanted: [Number], within tolerance: Double
) -> Bool {
  found.count == wanted.count
    && zip(found, wanted).allSatisfy { abs(Double($0) - Double($1)) <= tolerance }
}
