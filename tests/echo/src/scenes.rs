//! Which scenes there are: the five rooms, and what goes wrong in the field.

use crate::acoustics::Speaker;
use crate::scene::{Event, Kind, Scene};

/// The five rooms. Another `seed` makes other rooms of the same kind, with other voices and clocks that run the other way.
pub(crate) fn rooms(seed: u64) -> Vec<Scene> {
    let (far, near) = pair(seed);
    let sign = if seed.is_multiple_of(2) { 1 } else { -1 };
    let name = |name: &str| {
        if seed == 0 {
            name.to_owned()
        } else {
            format!("{name}.{seed}")
        }
    };
    let scene =
        |text: &str, number: u64| Scene::new(&name(text), seed * 100 + number).voices(far, near);
    vec![
        scene("easy", 1).room(0.15, 64.0, 20.0).levels(0.0, -60.0),
        scene("room", 2),
        scene("hard", 3)
            .room(0.5, 256.0, 120.0)
            .speaker(Speaker::Driven(0.8))
            .levels(6.0, -45.0)
            .hard(),
        scene("drift", 4)
            .ppm(80 * sign)
            .speaker(Speaker::Driven(0.3))
            .levels(3.0, -50.0)
            .hard(),
        scene("phone", 5)
            .room(0.25, 96.0, 180.0)
            .ppm(20 * sign)
            .speaker(Speaker::Driven(1.0))
            .levels(10.0, -50.0)
            .hard(),
    ]
}

fn pair(seed: u64) -> (usize, usize) {
    let far = seed as usize * 2;
    (far, far + 1 + (seed as usize / 4))
}

/// What goes wrong in the field.
pub(crate) fn stress() -> Vec<Scene> {
    let scene = |text: &str, number: u64| Scene::new(text, 1000 + number).levels(3.0, -50.0).hard();
    vec![
        scene("drift-150", 1)
            .voices(2, 3)
            .ppm(-150)
            .speaker(Speaker::Driven(0.3)),
        scene("drift+200", 2).ppm(200),
        scene("drift+300", 3).voices(4, 5).ppm(300),
        scene("other room", 4)
            .event(Event::OtherRoom(10))
            .event(Event::OtherRoom(28)),
        scene("other room 2", 5)
            .voices(2, 3)
            .room(0.25, 96.0, 30.0)
            .event(Event::OtherRoom(10))
            .event(Event::OtherRoom(27)),
        scene("other room 3", 6)
            .voices(6, 7)
            .shoebox(0.5)
            .event(Event::OtherRoom(9))
            .event(Event::OtherRoom(29)),
        scene("jump +30 ms", 7)
            .voices(2, 3)
            .event(Event::Jump(10, 30))
            .event(Event::Jump(28, 30)),
        scene("jump -20 ms", 8)
            .voices(4, 5)
            .event(Event::Jump(10, -20))
            .event(Event::Jump(28, -20)),
        scene("lost 10 ms", 9).event(Event::Lost(10, 10)),
        scene("doubled 10 ms", 10)
            .voices(4, 1)
            .event(Event::Doubled(10, 10)),
        scene("from the start", 11).both(),
        scene("from the start 2", 12).voices(5, 4).both(),
        scene("rattle", 13)
            .room(0.3, 128.0, 80.0)
            .speaker(Speaker::Excursion)
            .levels(6.0, -50.0),
        scene("quiet echo", 14).levels(-12.0, -50.0),
        scene("louder", 15)
            .voices(2, 3)
            .levels(0.0, -50.0)
            .event(Event::Volume(10, 12.0)),
        scene("louder, softer", 16)
            .voices(7, 6)
            .levels(0.0, -50.0)
            .event(Event::Volume(10, 6.0))
            .event(Event::Volume(28, -12.0)),
        scene("late", 17).voices(4, 5).room(0.35, 128.0, 330.0),
        scene("480 ms late", 18)
            .voices(6, 3)
            .room(0.25, 96.0, 480.0),
        scene("moving", 19).voices(3, 2).moving(),
        scene("shoebox near", 20)
            .voices(1, 6)
            .shoebox(0.15)
            .room(0.4, 200.0, 40.0),
        scene("shoebox far", 21)
            .voices(5, 0)
            .shoebox(1.5)
            .room(0.5, 300.0, 90.0)
            .ppm(-40),
        scene("noisy", 22).voices(2, 5).levels(0.0, -36.0),
    ]
}

impl Scene {
    fn new(name: &str, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            far: 0,
            near: 1,
            kind: Kind::ByChance,
            t60: 0.35,
            length_ms: 128.0,
            delay_ms: 60.0,
            ppm: 0,
            speaker: Speaker::Straight,
            echo_db: 0.0,
            noise_db: -50.0,
            events: Vec::new(),
            moving: false,
            both_from_start: false,
            hard: false,
            seed,
        }
    }

    fn voices(mut self, far: usize, near: usize) -> Self {
        (self.far, self.near) = (far, near);
        self
    }

    fn room(mut self, t60: f32, length_ms: f32, delay_ms: f32) -> Self {
        (self.t60, self.length_ms, self.delay_ms) = (t60, length_ms, delay_ms);
        self
    }

    fn shoebox(mut self, distance: f32) -> Self {
        self.kind = Kind::Shoebox(distance);
        self
    }

    fn levels(mut self, echo_db: f32, noise_db: f32) -> Self {
        (self.echo_db, self.noise_db) = (echo_db, noise_db);
        self
    }

    fn ppm(mut self, ppm: i32) -> Self {
        self.ppm = ppm;
        self
    }

    fn speaker(mut self, speaker: Speaker) -> Self {
        self.speaker = speaker;
        self
    }

    fn hard(mut self) -> Self {
        self.hard = true;
        self
    }

    fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    fn both(mut self) -> Self {
        self.both_from_start = true;
        self
    }

    fn moving(mut self) -> Self {
        self.moving = true;
        self
    }
}
