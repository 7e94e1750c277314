import Foundation
import XCTest

@testable import SensorRecognition
@testable import SensorStreaming

/// Everything of `personal.json`: what the reference learns of a user, and answers then.
final class PersonalTests: XCTestCase {
  func testLayers() throws {
    let vectors = try PersonalVectors.load()
    for test in vectors.layers {
      var layer = PersonalLayer(test.model.model)
      for (number, step) in test.steps.enumerated() {
        let place = "\(test.name), step \(number)"
        if let window = step.enroll {
          let accepted = layer.enroll(
            label: window.label, outputs: window.outputs.map { $0 ?? .nan },
            embedding: window.embedding.map { $0 ?? .nan })
          XCTAssertEqual(accepted, step.accepted, place)
        } else if let window = step.answer, let expected = step.expected {
          let answer = layer.answer(
            window.outputs.map { $0 ?? .nan }, window.embedding.map { $0 ?? .nan },
            unsureBelow: window.unsureBelow)
          XCTAssertEqual(answer.label, expected.label, place)
          XCTAssertEqual(answer.isPersonal, expected.personal, place)
          let wanted = expected.probabilities
          XCTAssertEqual(answer.probabilities.map(\.isFinite), wanted.map { $0 != nil }, place)
          let pairs = zip(answer.probabilities, wanted).filter { $0.0.isFinite }
          XCTAssert(
            agree(pairs.map(\.0), pairs.compactMap(\.1), within: vectors.tolerance), place)
        } else {
          layer.forget(label: step.forget)
        }
        XCTAssertEqual(layer.state, step.state, place)
      }
      let stored = try PersonalLayer(test.model.model, json: layer.json())
      XCTAssertEqual(stored.state, layer.state, test.name)
      XCTAssertEqual(try stored.json(), try layer.json(), test.name)
    }
  }

  func testStoredLayers() throws {
    let documents = try JSONSerialization.jsonObject(with: Resource.data("personal"))
    let stored = (documents as? [String: Any])?["stored"] as? [[String: Any]] ?? []
    let vectors = try PersonalVectors.load().stored
    XCTAssertEqual(stored.count, vectors.count)
    for (each, test) in zip(stored, vectors) {
      let document = try XCTUnwrap(each["document"])
      let data = try JSONSerialization.data(withJSONObject: document)
      if let state = test.state {
        XCTAssertEqual(try PersonalLayer(test.model.model, json: data).state, state, test.name)
      } else {
        XCTAssertThrowsError(try PersonalLayer(test.model.model, json: data), test.name) {
          XCTAssert($0 is PersonalError, test.name)
        }
      }
    }
  }
}

/// `personal.json`.
private struct PersonalVectors: Decodable {
  struct Model: Decodable {
    let sha256: String
    let labels: [String]
    let embedding: Int
    let logits: Bool

    var model: PersonalLayer.Model {
      PersonalLayer.Model(sha256: sha256, labels: labels, embedding: embedding, logits: logits)
    }
  }

  struct Enrolled: Decodable {
    let label: Int
    let outputs, embedding: [Double?]
  }

  struct Asked: Decodable {
    let outputs, embedding: [Double?]
    let unsureBelow: Double
  }

  struct Expected: Decodable {
    let probabilities: [Double?]
    let label: Int?
    let personal: Bool
  }

  struct Step: Decodable {
    let enroll: Enrolled?
    let accepted: Bool?
    let answer: Asked?
    let expected: Expected?
    let forget: Int?
    let state: PersonalState
  }

  struct Layer: Decodable {
    let name: String
    let model: Model
    let steps: [Step]
  }

  struct Stored: Decodable {
    let name: String
    let model: Model
    let state: PersonalState?
  }

  let tolerance: Double
  let layers: [Layer]
  let stored: [Stored]

  static func load() throws -> PersonalVectors {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(PersonalVectors.self, from: Resource.data("personal"))
  }
}
